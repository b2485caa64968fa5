"""Measuring what a plan really shrinks: on request, beside the page; a closed tab or a reload finds it again."""

from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Any

import streamlit as st

from core import timings
from core.charts.shrinking import Timed
from core.errors import Cancelled, PruneError, Superseded
from core.lab.client import Told
from core.plan import Plan
from pages.ui.services import RESTARTED, asking, home, model_file
from pages.ui.state import AppState, pruning_mark
from pages.ui.waiting import Answer, Asked, begun, progress

BATCHES = (1, 16, 64)
#: Where the figures that were shown last and the batch size are kept.
_KEPT, _BATCH, _CHART = "prune.timed", "prune.timed_batch", "shrinking"
#: Seconds between two words of the process that measures: writing a network for another runtime takes longest.
_PATIENCE = 300.0


@dataclass
class _Measuring:
    """A measurement that somebody of a workspace asked for, until somebody of it has seen what came of it."""

    of: str
    model: str
    asked: Asked
    given_up: Event
    began: float = field(default_factory=monotonic)


@st.cache_resource(show_spinner=False)
def _under_way() -> dict[str, _Measuring]:
    """By workspace; all of the server's, so that it does not end with a tab."""
    return {}


def timed(state: AppState, plan: Plan) -> Timed | None:
    """What was measured of this plan, whenever that was; else the last of the model at hand, which is ``stale``."""
    known = timings.kept(home(), _mark(state, plan))
    if known is not None:
        return Timed.of(known)
    kept: dict[str, Any] = state.view(_KEPT, {})
    if kept.get("model") != plan.model:
        return None
    return Timed.of(kept["answer"], stale=kept["of"] != pruning_mark(plan))


def measuring(state: AppState) -> None:
    """The button, or how far the measuring is. Only this is drawn again while it goes on."""
    going = state.workspace in _under_way()
    st.fragment(_body, run_every=0.5 if going else None)(state, going)


def _body(state: AppState, going: bool) -> None:
    now = _under_way().get(state.workspace)
    if now is not None and now.asked.future.done():
        _taken(state)
        st.rerun()
    if (now is not None) != going:
        st.rerun()  # begins to look by itself, or leaves off
    with st.container(horizontal=True, vertical_alignment="center", key="measuring"):
        if now is not None:
            progress(st.empty(), now.asked, "Cutting, writing and timing", monotonic() - now.began)
            if st.button("Stop", key="stop_measuring", icon=":material/stop:", type="tertiary"):
                _given_up(state)
                st.rerun()
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
    "the dense one, in turn. Takes a quarter of a minute; you can go on working, or close this page."
)


def _words(batch: int) -> str:
    return "1 sample" if batch == 1 else str(batch)


def _batch(state: AppState) -> int:
    kept = state.view(_BATCH, BATCHES[0])
    return kept if kept in BATCHES else BATCHES[0]


def _mark(state: AppState, plan: Plan) -> str:
    return timings.mark(model_file(plan.model).path, pruning_mark(plan), [_batch(state)])


def _begin(state: AppState, plan: Plan) -> None:
    """Ask in a thread that keeps the answer itself: nobody need be there to take it."""
    ask = asking(plan, _CHART, person=state.session, chart=_CHART, timeout=_PATIENCE, batches=[_batch(state)])
    mark, place, given_up = _mark(state, plan), home(), Event()

    def measure(told: Told) -> Answer:
        def heard(done: int, total: int) -> None:
            if given_up.is_set():
                raise Cancelled  # hanging up ends the process that measures
            told(done, total)

        answer = ask(heard)
        answer.pop(RESTARTED, None)
        timings.keep(place, mark, answer)
        return answer

    asked = begun(f"{pruning_mark(plan)} {plan.model}", measure)
    _under_way()[state.workspace] = _Measuring(pruning_mark(plan), plan.model, asked, given_up)


def _given_up(state: AppState) -> None:
    now = _under_way().pop(state.workspace, None)
    if now is not None:
        now.given_up.set()


def _taken(state: AppState) -> None:
    """Put the answer where it is kept; a refusal is said in one sentence."""
    now = _under_way().pop(state.workspace, None)
    if now is None:
        return  # another tab has
    try:
        answer = now.asked.future.result()
    except (Superseded, Cancelled):
        return
    except PruneError as err:
        state.notice = str(err)
        return
    state.set_view(_KEPT, {"of": now.of, "model": now.model, "answer": answer})
