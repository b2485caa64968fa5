"""Choosing a network: a sample as a card, or a file of one's own."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from core import artefacts, paths
from core.architectures import checked, offered
from core.backends import FRAMEWORKS, backend, backend_for
from core.charts.words import count, percent
from core.errors import NeedsArchitecture, PruneError
from core.plan import DataChoice, Plan
from core.references import ModelFile
from pages.ui.services import framework_title, home, lab, model_file, store
from pages.ui.state import AppState, show, widget
from sample_models import SAMPLES


def gallery(state: AppState) -> None:
    """Samples of one framework as cards. Choosing one opens it with the data it was trained on."""
    file = _open_file(state.plan)
    framework = file.framework if file else state.view("model.framework", FRAMEWORKS[0])
    lab(framework).warm(after=1.5)  # it imports its framework while the person chooses
    show("framework", framework)
    st.segmented_control(
        "Framework",
        FRAMEWORKS,
        key="framework",
        format_func=framework_title,
        required=True,
        on_change=lambda: _switch(state, str(widget("framework"))),
        label_visibility="collapsed",
    )
    show("sample", file.sample if file else None)
    st.radio(
        "Samples",
        list(SAMPLES),
        index=None,
        key="sample",
        format_func=lambda name: SAMPLES[name].title,
        captions=[_caption(name, framework) for name in SAMPLES],
        on_change=lambda: _take(state, str(widget("sample")), framework),
        label_visibility="collapsed",
    )


def uploads(state: AppState) -> None:
    """A person's own files: bring one, or take one brought before."""
    kept = {entry.ref: entry.name for entry in store().models(state.workspace)}
    if kept:
        show("stored_model", state.plan.model if state.plan and state.plan.model in kept else None)
        st.selectbox(
            "Your models",
            list(kept),
            index=None,
            key="stored_model",
            format_func=lambda ref: kept.get(ref, ref),
            placeholder="Choose one you brought before",
            on_change=lambda: _open(state, str(widget("stored_model"))),
        )
    suffixes = [suffix.lstrip(".") for name in FRAMEWORKS for suffix in backend(name).suffixes]
    given = st.file_uploader(
        "A file of your own",
        type=suffixes,
        key="model_file",
        help="PyTorch: an exported program (.pt2), or bare weights of a network that this server knows. "
        "Keras: .keras or .h5. From anywhere else: .onnx, whose operations become PyTorch layers that are pruned, "
        "trained and saved like any others. The file is looked at before anything opens it; nothing in it is run.",
    )
    if given is None:
        return
    architecture = None
    if Path(given.name).suffix.lower() in backend_for(Path(given.name)).bare:
        architecture = st.selectbox(
            "These are bare weights. Which network are they of?", offered(), index=None, key="architecture"
        )
        if architecture is None:
            return
    marker = f"{given.file_id} {architecture}"
    if state.uploaded != marker:
        state.uploaded = marker
        with st.status("Looking at the file…", expanded=False) as status:
            _bring(state, given.name, given.getvalue(), architecture)
            status.update(label="Opened", state="complete")


def _bring(state: AppState, name: str, content: bytes, architecture: str | None) -> None:
    """Vet a file in a throw-away process, keep it by its hash, open it."""
    framework = backend_for(Path(name)).name
    if architecture is not None:
        checked(architecture)
    draft = paths.made(paths.uploads(home())) / f"{state.session}-{Path(name).name}"
    artefacts.write_bytes(draft, content)
    try:
        question = {"model": {"path": str(draft), "architecture": architecture, "output": None}}
        lab(framework).ask("check", question, person=state.workspace, timeout=180)
        entry = store().add_model(draft, Path(name).name, state.workspace, architecture=architecture)
    except NeedsArchitecture as err:
        raise NeedsArchitecture(f"{err} Choose the network these weights belong to.") from err
    finally:
        draft.unlink(missing_ok=True)
    _open(state, entry.ref)


def _open_file(plan: Plan | None) -> ModelFile | None:
    try:
        return model_file(plan.model) if plan else None
    except PruneError:
        return None  # the strip says what became of it; here one chooses another


def _caption(name: str, framework: str) -> str:
    sample = SAMPLES[name]
    accuracy = percent(sample.accuracy.get(framework), 1)
    return f"{sample.task}  \n{count(sample.parameters)} parameters · {accuracy} accurate"


def _take(state: AppState, name: str, framework: str) -> None:
    state.open(f"sample:{name}@{framework}", SAMPLES[name].data)


def _open(state: AppState, ref: str) -> None:
    state.open(ref, state.plan.data if state.plan else DataChoice("digits"))


def _switch(state: AppState, framework: str) -> None:
    """The same sample in the other framework, plan and all: layers have the same names."""
    state.set_view("model.framework", framework)
    file = _open_file(state.plan)
    if state.plan and file and file.sample and file.framework != framework:
        state.edit(replace(state.plan, model=f"sample:{file.sample}@{framework}"))
