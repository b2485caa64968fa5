"""What low rank keeps of every layer: a budget instead of an energy, singular values drawn, a slider for each rank."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.charts.singular_values import Cut, panel, singular_spec
from core.edits import with_step
from core.plan import Compression, Plan
from pages.ui.charts import chart, mode
from pages.ui.numbers import Number
from pages.ui.services import ask
from pages.ui.settings import bound, viewed
from pages.ui.state import AppState

#: Layers drawn before somebody asks for the rest: each has a chart of its own.
_FIRST = 8
#: The share of weights that a budget begins with.
_HALF = 0.5
_SHARE = Number("Weights left, %", 1.0, 100.0, "Of the kernels that can be two factors.", 5.0, "%g", percent=True)


def low_rank_settings(state: AppState, plan: Plan, choice: Compression) -> None:
    """The ranks of one low-rank step of the plan."""
    key = choice.method
    st.toggle(
        "By a budget of weights",
        help="The ranks that keep most energy within a share of the weights, instead of the energy above.",
        **bound(
            state,
            f"{key}_budget",
            choice.share is not None,
            lambda p, on: _told(p, key, share=(choice.share or _HALF) if on else None),
        ),
    )
    if choice.share is not None:
        _SHARE.draw(st, state, f"{key}_share", choice.share, lambda p, v: _told(p, key, share=v))
    by_hand = f", {len(choice.ranks)} by hand" if choice.ranks else ""
    st.toggle(f"Rank of each layer{by_hand}", **viewed(state, f"{key}_ranks", f"train.{key}_ranks", False))
    if state.view(f"train.{key}_ranks", False):
        _ranks(state, plan, choice)


def _ranks(state: AppState, plan: Plan, choice: Compression) -> None:
    answer = ask(replace(plan, compression=()), "singular_values", person=state.session, chart="singular")
    found = panel(answer, choice)
    if found.problem:
        st.warning(found.problem)
    st.caption(f"{found.words}, as the plan leaves them before training.")
    if found.cuts:
        st.caption("Singular values: teal is kept, amber left out. Point at a bar for the energy up to it.")
    shown = len(found.cuts)
    if shown > _FIRST:
        view = viewed(state, f"{choice.method}_all", f"train.{choice.method}_all", False)
        st.toggle(f"All {shown} layers", **view)
        shown = shown if state.view(f"train.{choice.method}_all", False) else _FIRST
    for cut in found.cuts[:shown]:
        _layer(state, cut, choice)
    if choice.ranks:
        forget = {"on_click": lambda: state.plan and state.edit(_told(state.plan, choice.method, ranks={}))}
        st.button("Forget the ranks set by hand", key=f"{choice.method}_forget", **forget)


def _layer(state: AppState, cut: Cut, choice: Compression) -> None:
    """The chart of a layer with its slider; one that no rank makes smaller is named only."""
    key, whole = f"{choice.method}_rank_{cut.name}", cut.most + 1
    hand = ", set by hand" if cut.name in choice.ranks else ""
    st.markdown(f"**{cut.title}** :small[:gray[{cut.words}{hand}]]")
    if not cut.most:
        return
    chart(cut.rows, singular_spec(mode()), key=f"{key}_values", alt=f"Singular values of {cut.name}")
    st.select_slider(
        f"Rank of {cut.title}",
        range(1, whole + 1),
        format_func=lambda rank: "whole" if rank == whole else str(rank),
        label_visibility="collapsed",
        **bound(
            state,
            key,
            whole if cut.rank is None else cut.rank,
            lambda p, v: _told(p, choice.method, ranks={**choice.ranks, cut.name: int(v)}),
        ),
    )


def _told(plan: Plan, method: str, **changes: Any) -> Plan:
    """That step of the plan told something else."""
    step = next((one for one in plan.compression if one.method == method), None)
    return plan if step is None else with_step(plan, replace(step, **changes))
