"""Measuring what a plan really shrinks: on request, beside the page, kept until something newer is measured."""

from typing import Any

import streamlit as st

from core.charts.shrinking import Timed
from core.errors import PruneError, Superseded
from core.plan import Plan
from pages.ui.services import RESTARTED, asking
from pages.ui.state import AppState, pruning_mark
from pages.ui.waiting import begun, progress

BATCHES = (1, 16, 64)
#: Where the figures, the batch size and the question on its way are kept.
_KEPT, _BATCH, _CHART = "prune.timed", "prune.timed_batch", "shrinking"
#: Seconds between two words of the process that measures: writing a network for another runtime takes longest.
_PATIENCE = 300.0


def timed(state: AppState, plan: Plan) -> Timed | None:
    """What was measured of the model at hand; ``stale`` where it was another plan."""
    kept: dict[str, Any] = state.view(_KEPT, {})
    if kept.get("model") != plan.model:
        return None
    return Timed.of(kept["answer"], stale=kept["of"] != pruning_mark(plan))


def measuring(state: AppState) -> None:
    """The button, or how far the measuring is. Only this is drawn again while it goes on."""
    going = _CHART in state.asked
    st.fragment(_body, run_every=0.5 if going else None)(state)


def _body(state: AppState) -> None:
    asked = state.asked.get(_CHART)
    if asked is not None and asked.future.done():
        _taken(state)
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key="measuring"):
        if asked is not None:
            progress(st.empty(), asked, "Cutting, writing and timing")
            return
        pressed = st.button("Measure speed here", key="measure_speed", help=_HELP)
        batch = st.segmented_control(
            "Batch", BATCHES, default=_batch(state), key="speed_batch", format_func=_words, label_visibility="collapsed"
        )
        if batch and batch != _batch(state):
            state.set_view(_BATCH, batch)
    if pressed and state.plan is not None:
        _begin(state, state.plan)
        st.rerun()


_HELP = (
    "Cuts a copy of the network as planned, writes it for every runtime that is installed here, and times it against "
    "the dense one, in turn. Takes a quarter of a minute; you can go on working."
)


def _words(batch: int) -> str:
    return "1 sample" if batch == 1 else str(batch)


def _batch(state: AppState) -> int:
    kept = state.view(_BATCH, BATCHES[0])
    return kept if kept in BATCHES else BATCHES[0]


def _begin(state: AppState, plan: Plan) -> None:
    ask = asking(plan, _CHART, person=state.session, chart=_CHART, timeout=_PATIENCE, batches=[_batch(state)])
    state.asked[_CHART] = begun(f"{pruning_mark(plan)} {plan.model}", ask)


def _taken(state: AppState) -> None:
    """Put the answer where it is kept; a refusal is said in one sentence."""
    asked = state.asked.pop(_CHART)
    mark, _, model = asked.of.partition(" ")
    try:
        answer = asked.future.result()
    except Superseded:
        return
    except PruneError as err:
        state.notice = str(err)
        return
    answer.pop(RESTARTED, None)
    state.set_view(_KEPT, {"of": mark, "model": model, "answer": answer})
