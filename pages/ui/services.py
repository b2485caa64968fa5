"""The handles every page shares: where things are kept, who does the work. One of each per server."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from core import paths, references
from core.backends import backend
from core.jobs.engine import Engine
from core.plan import Plan
from core.references import ModelFile

if TYPE_CHECKING:
    from core.jobs.store import Store
    from core.lab.client import Lab


def home() -> Path:
    """Where models, runs and the store live."""
    return paths.home()


@st.cache_resource(show_spinner=False)
def store() -> "Store":
    """Workspaces, models, runs and events."""
    from core.jobs.store import Store

    return Store(home())


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """Who carries out runs."""
    from core.jobs.local import LocalEngine

    return LocalEngine(home())


@st.cache_resource(show_spinner=False)
def lab(framework: str) -> "Lab":
    """The warm worker of one framework; it is started by the first question."""
    from core.lab.client import Lab

    return Lab(framework, home())


@st.cache_data(show_spinner=False, max_entries=200, ttl=600)
def _resolved(ref: str, root: str) -> ModelFile:
    return references.resolve(ref, Path(root))


def model_file(ref: str) -> ModelFile:
    """The file behind a model's reference, and what to call it."""
    return _resolved(ref, str(home()))


def framework_title(framework: str) -> str:
    """What a person calls it: "PyTorch", "Keras"."""
    return backend(framework).title


def model_question(ref: str, output: str | None) -> dict[str, Any]:
    """A model as the lab is told of it."""
    file = model_file(ref)
    return {"path": str(file.path), "architecture": file.architecture, "output": output}


def ask(
    plan: Plan, method: str, /, *, person: str = "", chart: str = "", timeout: float = 120, **more: Any
) -> dict[str, Any]:
    """Ask the lab of the plan's framework about the plan's model on the plan's data."""
    question = {
        "model": model_question(plan.model, plan.output),
        "data": {"name": plan.data.name, "scaling": plan.data.scaling},
        "plan": plan.to_dict(),
        **more,
    }
    worker = lab(model_file(plan.model).framework)
    return worker.ask(method, question, person=person, chart=chart, timeout=timeout)


@st.cache_data(show_spinner=False, max_entries=100)
def _description(ref: str, output: str | None) -> dict[str, Any]:
    worker = lab(model_file(ref).framework)
    return worker.ask("describe", {"model": model_question(ref, output)}, timeout=180)


def description(ref: str, output: str | None = None) -> dict[str, Any]:
    """Layers, shapes, groups, parameters and MACs of a model, asked once."""
    return _description(ref, output)


@st.cache_data(show_spinner=False, max_entries=200)
def dense(ref: str, output: str | None, data: str, scaling: str, split: str = "test") -> dict[str, Any]:
    """What the whole model is worth on a split, measured once."""
    worker = lab(model_file(ref).framework)
    question = {
        "model": model_question(ref, output),
        "data": {"name": data, "scaling": scaling},
        "split": split,
        "limit": None,
    }
    return worker.ask("measure", question, timeout=300)
