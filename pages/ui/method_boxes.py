"""Select boxes for criterion, structure and allocation, and the settings that matter for what is chosen."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.allocations import ALLOCATIONS
from core.catalogue import family, needs, ranking, relative, structures_of
from core.criteria import CRITERIA
from core.edits import with_criterion, with_sharing, with_structure
from core.errors import PruneError
from core.plan import CALIBRATIONS, Plan
from core.structures import STRUCTURES
from pages.ui.settings import bound
from pages.ui.state import AppState, show, widget

_DRAWN = {"uniform": "all alike", "by_loss": "by their loss"}


def criterion_box(state: AppState, plan: Plan, **look: Any) -> None:
    """What a unit is worth; grouped by what the criterion looks at."""
    one = CRITERIA[plan.criterion]
    st.selectbox(
        "Criterion",
        ranking(plan.structure),
        format_func=_criterion_label,
        help=f"**{one.title}**: {one.formula}. The lowest go.\n\nIt needs {needs(one)}. {one.reference}",
        **look,
        **bound(state, "criterion", plan.criterion, with_criterion),
    )


def _criterion_label(name: str) -> str:
    return f"{CRITERIA[name].title} · {family(CRITERIA[name])}"


def structure_box(state: AppState, plan: Plan, **look: Any) -> None:
    """What goes together."""
    st.selectbox(
        "Structure",
        structures_of(plan),
        format_func=lambda name: STRUCTURES[name].title,
        help=STRUCTURES[plan.structure].note,
        **look,
        **bound(state, "structure", plan.structure, with_structure),
    )


def structure_numbers(state: AppState, plan: Plan) -> None:
    """The numbers of a family, typed: 3 of 7 for N:M, 2 by 8 for a block."""
    structure = STRUCTURES[plan.structure]
    for place, title in enumerate(structure.number_titles):
        key = f"number_{place}"
        show(key, structure.numbers[place])
        st.number_input(
            title.capitalize(), 1, 64, step=1, key=key, width=104, on_change=lambda at=place: _renumber(state, at)
        )


def _renumber(state: AppState, place: int) -> None:
    """Another member of the family; numbers that make none are refused in its own words."""
    plan = state.plan
    if plan is None:
        return
    try:
        structure = STRUCTURES[plan.structure]
        state.edit(with_structure(plan, relative(structure, place, int(widget(f"number_{place}")))))
    except PruneError as err:
        state.notice = str(err)


def allocation_box(state: AppState, plan: Plan, **look: Any) -> None:
    """How much from which layer."""
    one = ALLOCATIONS[plan.allocation]
    st.selectbox(
        "Allocation",
        list(ALLOCATIONS),
        format_func=lambda name: ALLOCATIONS[name].title,
        help=f"{one.note}\n\n{one.reference}",
        **look,
        **bound(state, "allocation", plan.allocation, lambda p, v: replace(p, allocation=v)),
    )


def sharing_settings(state: AppState, plan: Plan) -> None:
    """What the chosen allocation can be told beside the amount, and nothing that it would ignore."""
    wanted = ALLOCATIONS[plan.allocation].settings
    if "deviations" in wanted and plan.budget is None:
        _deviations(state, plan)
    if "power" in wanted:
        st.number_input(
            "Power of the ratio",
            0.0,
            4.0,
            step=0.25,
            format="%g",
            width=124,
            help="Exponent of the Erdős–Rényi ratio: 0 treats all layers alike, 1 is the paper's.",
            **bound(state, "power", plan.sharing.power, lambda p, v: with_sharing(p, power=v)),
        )


def _deviations(state: AppState, plan: Plan) -> None:
    """The multiple of each layer's deviation; empty finds the one that gives the sparsity asked for."""
    show("deviations", plan.sharing.deviations)
    st.number_input(
        "× deviation",
        0.0,
        100.0,
        value=None,
        step=0.1,
        format="%g",
        width=132,
        placeholder="as asked",
        key="deviations",
        help="Thresholds as a multiple of each layer's standard deviation. Left empty, the multiple is found that "
        "gives the sparsity of the slider.",
        on_change=lambda: _edit_deviations(state),
    )


def _edit_deviations(state: AppState) -> None:
    given = widget("deviations")
    if state.plan is not None:
        state.edit(with_sharing(state.plan, deviations=None if given is None else float(given)))


def calibration_settings(state: AppState, plan: Plan) -> None:
    """Which samples a criterion looks at; nothing for one that needs none."""
    if CRITERIA[plan.criterion].data_free:
        return
    samples = plan.calibration_batches * plan.calibration_size
    with st.popover(f"{samples:,} samples", help="The training samples that the criterion looks at."):
        st.segmented_control(
            "Samples are drawn",
            CALIBRATIONS,
            format_func=lambda name: _DRAWN[name],
            required=True,
            help="By their loss: samples the network finds hard are drawn more often and weighted back, so that the "
            "expected score stays the same and its spread shrinks.",
            **bound(state, "calibration", plan.calibration, lambda p, v: replace(p, calibration=v), folded=True),
        )
        left, right = st.columns(2)
        left.number_input(
            "Batches",
            1,
            1000,
            help="More batches: steadier scores, more time.",
            **bound(
                state,
                "calibration_batches",
                plan.calibration_batches,
                lambda p, v: replace(p, calibration_batches=v),
                folded=True,
            ),
        )
        right.number_input(
            "Samples a batch",
            1,
            4096,
            **bound(
                state,
                "calibration_size",
                plan.calibration_size,
                lambda p, v: replace(p, calibration_size=v),
                folded=True,
            ),
        )
