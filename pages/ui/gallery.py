"""Choosing a network: samples as cards."""

from dataclasses import replace

import streamlit as st

from core.backends import FRAMEWORKS
from core.charts.words import count, percent
from core.errors import PruneError
from core.plan import Plan
from core.references import ModelFile
from pages.ui.services import framework_title, lab, model_file
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


def _switch(state: AppState, framework: str) -> None:
    """The same sample in the other framework, plan and all: layers have the same names."""
    state.set_view("model.framework", framework)
    file = _open_file(state.plan)
    if state.plan and file and file.sample and file.framework != framework:
        state.edit(replace(state.plan, model=f"sample:{file.sample}@{framework}"))
