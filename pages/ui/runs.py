"""The runs of a workspace, read from the engine a little at a time, and the one that is open."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.charts.runs import Line, lines, moving
from core.errors import PruneError
from core.jobs.job import Event, JobState, Run
from pages.ui.charts import theme
from pages.ui.services import engine
from pages.ui.state import AppState

_OPEN = "run"
#: Runs whose events are remembered; older ones are read again when somebody looks.
_REMEMBERED = 500


@dataclass
class _Seen:
    """Events of a run that were read already; ``whole`` once it has ended and all were."""

    events: list[Event] = field(default_factory=list)
    last: int = 0
    whole: bool = False


@st.cache_resource(show_spinner=False, max_entries=_REMEMBERED)
def _seen(run_id: str) -> _Seen:
    return _Seen()


def events(run: Run) -> list[Event]:
    """All events of a run but its progress; only new ones are read, and none of a run that has ended."""
    seen = _seen(run.id)
    if not (seen.whole and run.state.finished):
        fresh = [event for event in engine().events(run.id, seen.last) if event.id > seen.last]
        seen.events = seen.events + [event for event in fresh if event.kind != "progress"]
        seen.last = max((event.id for event in fresh), default=seen.last)
        seen.whole = run.state.finished
    return seen.events


def compressing(run: Run) -> list[Mapping[str, Any]]:
    """The stages of a run that compressed, as plain values (:class:`core.results.Stage`); none of others."""
    if not run.plan.compression or run.state is not JobState.DONE:
        return []
    return next((event.data.get("stages", []) for event in reversed(events(run)) if event.kind == "finished"), [])


def all_runs(state: AppState) -> list[Run]:
    """Every run of the workspace, newest first."""
    return engine().list(state.workspace)


def runs_of_model(state: AppState) -> list[Run]:
    """Those of the model that is open, newest first."""
    return [run for run in all_runs(state) if state.plan is not None and run.plan.model == state.plan.model]


def drawn(runs: Iterable[Run]) -> tuple[Line, ...]:
    """The runs as coloured lines with every measured state, oldest first.

    Those of each model are coloured by themselves, so that a run has one colour wherever it is listed.
    """
    found: list[Line] = []
    listed = list(runs)
    for model in dict.fromkeys(run.plan.model for run in listed):
        own = [run for run in listed if run.plan.model == model]
        found += lines(own, {run.id: events(run) for run in own}, theme())
    return tuple(sorted(found, key=lambda line: (line.run.created, line.run.id)))


def open_run(state: AppState, runs: list[Run]) -> Run | None:
    """The run that is open: the one in the URL, else the one opened last, else the newest."""
    wanted = st.query_params.get("run") or state.view(_OPEN, "")
    return next((run for run in runs if run.id == wanted), runs[0] if runs else None)


def remember(state: AppState, run_id: str) -> None:
    """Make a run the open one, on every page of this workspace."""
    if "run" in st.query_params:
        del st.query_params["run"]
    state.set_view(_OPEN, run_id)


def live(body: Callable[[], None], runs: list[Run]) -> None:
    """Draw ``body``, again every second while one of the runs may change by itself."""
    st.fragment(body, run_every=1.0 if moving(runs) else None)()


def settled(state: AppState, before: list[Run]) -> None:
    """Draw the whole page once when a run has started or ended, so that clock, sidebar and other parts follow."""
    now = {run.id: run.state for run in all_runs(state)}
    if now != {run.id: run.state for run in before}:
        st.rerun()


def ask(verb: Callable[[str], None], run_id: str) -> None:
    """Ask the engine something of a run, from a button; a refusal is said in one sentence."""
    try:
        verb(run_id)
    except PruneError as err:
        st.toast(str(err), icon=":material/error:")
