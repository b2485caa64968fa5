"""The handles every page shares: where things are kept, who does the work. One of each per server."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core import paths, references, temporary
from core.backends import backend
from core.datasets import DATASETS
from core.errors import LabLost
from core.jobs.engine import Engine
from core.jobs.local import LocalEngine
from core.jobs.store import Store
from core.lab.client import Lab, Told
from core.plan import Plan
from core.references import ModelFile
from pages.ui.state import app_state

#: Told once when a lab had to be started again; also the mark of an answer that came so.
RESTARTED = "The preview's worker had ended and was started again. Nothing is lost."


def home() -> Path:
    """Where models, runs and the store live."""
    return paths.home()


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """Workspaces, models, runs and events."""
    return Store(home())


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """Who carries out runs. What killed processes left among temporary files goes first."""
    temporary.sweep()
    return LocalEngine(home())


@st.cache_resource(show_spinner=False)
def lab(framework: str) -> Lab:
    """The warm worker of one framework; it is started by the first question."""
    return Lab(framework, home())


@st.cache_resource(show_spinner=False, max_entries=200, ttl=600)
def _resolved(ref: str, root: str, workspace: str) -> ModelFile:
    return references.resolve(ref, Path(root), workspace)


def model_file(ref: str) -> ModelFile:
    """The file behind a model's reference in this workspace, and what to call it."""
    return _resolved(ref, str(home()), app_state().workspace)


def framework_title(framework: str) -> str:
    """What a person calls it: "PyTorch", "Keras"."""
    return backend(framework).title


def data_title(workspace: str, name: str) -> str:
    """What a person calls data: a registered title, or the name of the file that was brought."""
    if name in DATASETS:
        return DATASETS[name].title
    return next((entry.name for entry in store().data(workspace) if entry.ref == name), Path(name).name)


def model_question(ref: str, output: str | None) -> dict[str, Any]:
    """A model as the lab is told of it."""
    file = model_file(ref)
    return {"path": str(file.path), "architecture": file.architecture, "output": output}


def ask(
    plan: Plan, method: str, /, *, person: str = "", chart: str = "", timeout: float = 120, **more: Any
) -> dict[str, Any]:
    """Ask the lab of the plan's framework about the plan's model on the plan's data, and hold the page until then."""
    framework = model_file(plan.model).framework
    return _asked(framework, method, _question(plan, more), person=person, chart=chart, timeout=timeout)


def asking(
    plan: Plan, method: str, /, *, person: str, chart: str, timeout: float = 120, **more: Any
) -> Callable[[Told], dict[str, Any]]:
    """The same question for :func:`pages.ui.waiting.begun`: to be asked in a thread that has no page."""
    worker, question = lab(model_file(plan.model).framework), _question(plan, more)

    def ask_now(told: Told) -> dict[str, Any]:
        how: dict[str, Any] = {"person": person, "chart": chart, "timeout": timeout, "told": told}
        try:
            return worker.ask(method, question, **how)
        except LabLost:
            return {**worker.ask(method, question, **how), RESTARTED: True}

    return ask_now


def _question(plan: Plan, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": model_question(plan.model, plan.output),
        "data": {"name": plan.data.name, "scaling": plan.data.scaling},
        "plan": plan.to_dict(),
        **more,
    }


def description(ref: str, output: str | None = None) -> Mapping[str, Any]:
    """Layers, shapes, groups, parameters and MACs of a model, asked once. Nobody may change what comes back."""
    return _described(model_file(ref).framework, {"model": model_question(ref, output)})


@st.cache_resource(show_spinner=False, max_entries=100)
def _described(framework: str, question: dict[str, Any]) -> Mapping[str, Any]:
    return _asked(framework, "describe", question, timeout=180)


def dense(ref: str, output: str | None, data: str, scaling: str, split: str = "test") -> Mapping[str, Any]:
    """What the whole model is worth on a split, measured once. Nobody may change what comes back."""
    choice = {"name": data, "scaling": scaling}
    question = {"model": model_question(ref, output), "data": choice, "split": split, "limit": None}
    return _measured(model_file(ref).framework, question)


@st.cache_resource(show_spinner=False, max_entries=200)
def _measured(framework: str, question: dict[str, Any]) -> Mapping[str, Any]:
    return _asked(framework, "measure", question, timeout=300)


def _asked(framework: str, method: str, question: dict[str, Any], **how: Any) -> dict[str, Any]:
    """Ask; a lab that has ended is started again and asked once more, and the person is told."""
    worker = lab(framework)
    try:
        return worker.ask(method, question, **how)
    except LabLost:
        app_state().notice = RESTARTED
        return worker.ask(method, question, **how)
