"""Bounds on every layer, kept whatever the allocation would do, and how much of what lies below a threshold goes."""

import streamlit as st

from core.allocations import ALLOCATIONS
from core.edits import limited, unlimited, with_limits, with_sharing
from core.plan import Plan
from core.structures import STRUCTURES
from pages.ui.settings import bound
from pages.ui.state import AppState


def limits(state: AppState, plan: Plan) -> None:
    """A popover; its label tells the limits that are set."""
    given, said = plan.limits, limited(plan)
    with st.popover(f"Limits: {', '.join(said)}" if said else "Limits", help="Bounds on what a layer can lose."):
        st.caption("Kept whatever the allocation would do. What they hold back is taken from other layers.")
        left, right = st.columns(2)
        left.number_input(
            "A layer loses at most, %",
            0.1,
            100.0,
            step=1.0,
            format="%.1f",
            **bound(state, "limit_most", 100 * given.most, lambda p, v: with_limits(p, most=v / 100), folded=True),
        )
        right.number_input(
            "Units it keeps at least",
            0,
            100_000,
            help="Channels, heads, blocks or weights, whatever the structure removes.",
            **bound(state, "limit_least", given.least, lambda p, v: with_limits(p, least=v), folded=True),
        )
        if STRUCTURES[plan.structure].rounds:
            left.number_input(
                "Kept in multiples of",
                1,
                1024,
                help="Kept channels are rounded up to a multiple (4, 8, 16), where the layer allows it: "
                "processors like round numbers.",
                **bound(state, "limit_multiple", given.multiple, lambda p, v: with_limits(p, multiple=v), folded=True),
            )
        if "drawn" in ALLOCATIONS[plan.allocation].settings:
            left.number_input(
                "Share drawn, %",
                1.0,
                100.0,
                step=5.0,
                format="%.0f",
                help="Of the units below the threshold this share goes, drawn so that the least important go most "
                "likely. 100 takes all of them.",
                **bound(
                    state, "drawn", 100 * plan.sharing.drawn, lambda p, v: with_sharing(p, drawn=v / 100), folded=True
                ),
            )
        right.toggle(
            "No layer empties",
            help="At least one unit of every layer stays, so that the network never falls apart.",
            **bound(state, "limit_guard", given.guard, lambda p, v: with_limits(p, guard=v), folded=True),
        )
        st.button(
            "As usual",
            key="limits_reset",
            disabled=not said,
            on_click=lambda: state.edit(unlimited(plan)),
        )
