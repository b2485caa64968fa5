"""What low rank keeps of every layer: its singular values drawn, and a slider for the rank."""

from dataclasses import replace

import streamlit as st

from core.charts.singular_values import Cut, panel, singular_spec
from core.plan import Compression, Plan
from pages.ui.charts import chart, mode
from pages.ui.services import ask
from pages.ui.settings import bound
from pages.ui.state import AppState

#: Layers drawn before somebody asks for the rest: each has a chart of its own.
_FIRST = 8


def low_rank_settings(state: AppState, plan: Plan, place: int) -> None:
    """The ranks of one low-rank step.

    Args:
        state: A person's place.
        plan: The plan being edited.
        place: The step's index in ``plan.compression``.
    """
    choice = plan.compression[place]
    answer = ask(replace(plan, compression=()), "singular_values", person=state.session, chart="singular")
    found = panel(answer, choice)
    if found.problem:
        st.warning(found.problem)
    st.caption(f"{found.words}. Low rank cannot keep zeros: what was pruned in such a kernel is filled again.")
    if not found.cuts:
        return
    by_hand = f", {len(choice.ranks)} by hand" if choice.ranks else ""
    with st.expander(f"Ranks by layer{by_hand}", key=f"ranks_{place}"):
        st.caption(
            "Singular values of each kernel as the plan leaves it before training: teal is kept, amber left out. "
            "Point at a bar for the energy up to it."
        )
        every = len(found.cuts) <= _FIRST or st.toggle(f"All {len(found.cuts)} layers", key=f"ranks_all_{place}")
        for cut in found.cuts if every else found.cuts[:_FIRST]:
            _layer(state, cut, choice, place)
        if choice.ranks:
            st.button("Forget ranks set by hand", key=f"ranks_forget_{place}", on_click=lambda: _forget(state, place))


def _layer(state: AppState, cut: Cut, choice: Compression, place: int) -> None:
    with st.container(key=f"rank_of_{place}_{cut.name}", gap=None):
        hand = " (by hand)" if cut.name in choice.ranks else ""
        st.markdown(f"**{cut.title}**{hand}")
        st.caption(cut.words)
        chart(cut.rows, singular_spec(mode()), key=f"singular_{place}_{cut.name}", alt=f"Singular values of {cut.name}")
        if not cut.most:
            return
        whole = cut.most + 1
        st.select_slider(
            f"Rank of {cut.title}",
            range(1, whole + 1),
            format_func=lambda rank: "whole" if rank == whole else str(rank),
            label_visibility="collapsed",
            **bound(
                state,
                f"rank_{place}_{cut.name}",
                whole if cut.rank is None else cut.rank,
                lambda p, v: _ranked(p, place, {**p.compression[place].ranks, cut.name: int(v)}),
            ),
        )


def _ranked(plan: Plan, place: int, ranks: dict[str, int]) -> Plan:
    steps = list(plan.compression)
    steps[place] = replace(steps[place], ranks=ranks)
    return replace(plan, compression=tuple(steps))


def _forget(state: AppState, place: int) -> None:
    if state.plan is not None:
        state.edit(_ranked(state.plan, place, {}))
