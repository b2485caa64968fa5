"""The bar above the layers: what is ranked how, how much goes, and the way back."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.allocations import ALLOCATIONS
from core.criteria import CRITERIA
from core.plan import Override, Plan
from core.structures import STRUCTURES
from pages.ui.page import go
from pages.ui.services import engine
from pages.ui.state import AppState, show, widget

_MOST = 99.9


def controls(state: AppState, plan: Plan) -> None:
    """Criterion, structure, allocation; global sparsity; undo, redo, reset; start."""
    with st.container(key="controls"):
        cells = st.columns([1.2, 1.45, 1.3, 2.1, 0.95, 1.75, 1.6], vertical_alignment="bottom", gap="small")
        with cells[0]:
            _criterion(state, plan)
        with cells[1]:
            _structure(state, plan)
        with cells[2]:
            _allocation(state, plan)
        _sparsity(state, plan, cells[3], cells[4])
        with cells[5], st.container(horizontal=True, gap="xsmall", key="history"):
            _history(state, plan)
        with cells[6]:
            st.button(
                "Prune and fine-tune",
                key="start_run",
                type="primary",
                width="stretch",
                help="Start it in the background with the settings of Train, and go there.",
            ) and _start(state, plan)


def _criterion(state: AppState, plan: Plan) -> None:
    names = [name for name, criterion in CRITERIA.items() if plan.structure in criterion.structures]
    show("criterion", plan.criterion)
    st.selectbox(
        "Criterion",
        names,
        key="criterion",
        format_func=lambda name: CRITERIA[name].title,
        on_change=lambda: _edit(state, criterion=widget("criterion"), overrides=_counts_only(plan)),
        help=f"What a weight is worth: {CRITERIA[plan.criterion].formula}. {CRITERIA[plan.criterion].reference}",
    )


def _structure(state: AppState, plan: Plan) -> None:
    show("structure", plan.structure)

    def change() -> None:
        chosen = str(widget("structure"))
        kept = plan.criterion if chosen in CRITERIA[plan.criterion].structures else None
        first = next(name for name, criterion in CRITERIA.items() if chosen in criterion.structures)
        _edit(state, structure=chosen, criterion=kept or first, overrides={})

    st.selectbox(
        "Structure",
        list(STRUCTURES),
        key="structure",
        format_func=lambda name: STRUCTURES[name].title,
        on_change=change,
        help=STRUCTURES[plan.structure].note,
    )


def _allocation(state: AppState, plan: Plan) -> None:
    show("allocation", plan.allocation)
    st.selectbox(
        "Allocation",
        list(ALLOCATIONS),
        key="allocation",
        format_func=lambda name: ALLOCATIONS[name].title,
        on_change=lambda: _edit(state, allocation=widget("allocation")),
        help=ALLOCATIONS[plan.allocation].note,
    )


def _sparsity(state: AppState, plan: Plan, slider: Any, box: Any) -> None:
    """One slider for all free layers, and a box beside it for the exact figure."""
    percent = round(100 * plan.sparsity, 1)
    show("sparsity", percent)
    show("sparsity_exact", percent)
    idle = plan.allocation == "thresholds"
    slider.slider(
        "Sparsity, all layers" if not idle else "Sparsity: set layer by layer",
        0.0,
        _MOST,
        step=0.1,
        format="%.1f %%",
        key="sparsity",
        disabled=idle,
        on_change=lambda: _edit(state, sparsity=widget("sparsity") / 100),
    )
    box.number_input(
        "Sparsity in percent",
        0.0,
        _MOST,
        step=1.0,
        format="%.1f",
        key="sparsity_exact",
        disabled=idle,
        label_visibility="collapsed",
        on_change=lambda: _edit(state, sparsity=widget("sparsity_exact") / 100),
    )


def _history(state: AppState, plan: Plan) -> None:
    st.button("Undo", key="undo", disabled=not state.past, on_click=state.undo)
    st.button("Redo", key="redo", disabled=not state.future, on_click=state.redo)
    whole = replace(plan, sparsity=0.0, overrides={})
    st.button("Reset", key="reset", disabled=plan == whole, on_click=lambda: state.edit(whole), help="Back to dense.")


def _start(state: AppState, plan: Plan) -> None:
    run = engine().submit(plan, workspace=state.workspace)
    go("train", run=run)


def _edit(state: AppState, **changes: Any) -> None:
    if state.plan is not None and None not in changes.values():
        state.edit(replace(state.plan, **changes))


def _counts_only(plan: Plan) -> dict[str, Override]:
    """Overrides under another criterion: counts still hold, thresholds mean nothing any more."""
    return {name: replace(given, threshold=None) for name, given in plan.overrides.items()}
