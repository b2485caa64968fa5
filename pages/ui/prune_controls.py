"""The bar above the layers: what is ranked how, how much goes, and the way back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.controls import prunes
from core.edits import decided, dense, fixed_share
from core.plan import Plan
from core.structures import STRUCTURES
from pages.ui.budget import budget
from pages.ui.limits import limits
from pages.ui.method_boxes import (
    allocation_box,
    calibration_settings,
    criterion_box,
    sharing_settings,
    structure_box,
    structure_numbers,
)
from pages.ui.page import go
from pages.ui.services import engine
from pages.ui.state import AppState, show, widget

_MOST = 99.9
#: What the chosen methods can be told, in the order of the second line.
_SETTINGS: dict[str, Callable[[AppState, Plan], None]] = {
    "numbers": structure_numbers,
    "sharing": sharing_settings,
    "samples": calibration_settings,
    "limits": limits,
}


def controls(state: AppState, plan: Plan) -> DeltaGenerator | None:
    """Two lines: the three choices and the sparsity; what they can be told, the way back, the start.

    Returns the place where it is said what a budget comes to.
    """
    with st.container(key="controls", gap="xsmall"):
        cells = st.columns([1.75, 1.3, 1.45, 2.3, 0.9], vertical_alignment="bottom", gap="small")
        with cells[0]:
            criterion_box(state, plan)
        with cells[1]:
            structure_box(state, plan)
        with cells[2]:
            allocation_box(state, plan)
        _sparsity(state, plan, cells[3], cells[4])
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="second_line"):
            for name, draw in _SETTINGS.items():
                with _slot(name):
                    draw(state, plan)
            with _slot("budget"):
                place = budget(state, plan)
            with st.container(
                horizontal=True, horizontal_alignment="right", vertical_alignment="bottom", gap="xsmall", key="history"
            ):
                _history(state, plan)
    return place


def _slot(name: str) -> DeltaGenerator:
    """A place that is there even while it is empty: what follows keeps its own, and never shows up twice."""
    return st.container(horizontal=True, vertical_alignment="bottom", width="content", gap="small", key=f"slot_{name}")


def _sparsity(state: AppState, plan: Plan, slider: Any, box: Any) -> None:
    """One slider for all free layers, and a box beside it for the exact figure; idle with a reason."""
    percent, reason = round(100 * plan.sparsity, 1), decided(plan)
    show("sparsity", percent)
    unknown = bool(reason) and not fixed_share(plan)
    show("sparsity_exact", None if unknown else percent)
    slider.container(key="sparsity_found" if unknown else "sparsity_idle" if reason else "sparsity_free").slider(
        f"Sparsity: {reason}" if reason else f"Sparsity, all {_units(plan)}",
        0.0,
        _MOST,
        step=0.1,
        format="%.1f %%",
        key="sparsity",
        disabled=bool(reason),
        on_change=lambda: _edit(state, sparsity=widget("sparsity") / 100),
    )
    box.number_input(
        "Sparsity in percent",
        0.0,
        _MOST,
        value=None if unknown else "min",
        step=1.0,
        format="%.1f",
        key="sparsity_exact",
        placeholder="found",
        disabled=bool(reason),
        label_visibility="collapsed",
        on_change=lambda: _edit(state, sparsity=widget("sparsity_exact") / 100),
    )


def _units(plan: Plan) -> str:
    """What the share is of: sparsity of single weights is that of all layers together."""
    unit = STRUCTURES[plan.structure].unit
    return "layers" if unit == "weight" else f"{unit}s"


def _history(state: AppState, plan: Plan) -> None:
    st.button("Undo", key="undo", disabled=not state.past, on_click=state.undo)
    st.button("Redo", key="redo", disabled=not state.future, on_click=state.redo)
    whole = dense(plan)
    st.button("Reset", key="reset", disabled=plan == whole, on_click=lambda: state.edit(whole), help="Back to dense.")
    st.button(
        "Prune and fine-tune",
        key="start_run",
        type="primary",
        disabled=not prunes(plan),
        help="Start it in the background with the settings of Train, and go there."
        if prunes(plan)
        else "Nothing goes yet: drag a threshold or move the slider.",
    ) and _start(state, plan)


def _start(state: AppState, plan: Plan) -> None:
    run = engine().submit(plan, workspace=state.workspace)
    go("train", run=run)


def _edit(state: AppState, **changes: Any) -> None:
    if state.plan is not None and None not in changes.values():
        state.edit(replace(state.plan, **changes))
