"""A job's report: events go to the store, questions are read from it."""

import time
from collections.abc import Mapping
from typing import Any

from core.errors import Cancelled
from core.jobs.job import JobState
from core.jobs.store import Store

#: Seconds between two looks at what is asked; batches are often shorter.
_LOOK = 0.05
#: Seconds between two looks while paused: a look costs a tenth of a millisecond.
_NAP = 0.2


class JobReport:
    """What a run tells the store, and what it is asked through it.

    Args:
        store: This process's store.
        run_id: The run.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self._run = store, run_id
        self._looked = 0.0

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write it down. The end is written with the state, by whoever ends the run."""
        if kind == "progress":
            self._store.progress(self._run, data)
        elif kind != "finished":
            self._store.add_event(self._run, kind, data)

    def poll(self) -> None:
        """Go on, or wait while paused.

        Raises:
            Cancelled: Somebody asked to stop, or deleted the run.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        if self._asked() == "pause":
            self._hold()

    def _asked(self) -> str | None:
        asked = self._store.asked(self._run)
        if asked in ("cancel", "gone"):
            raise Cancelled
        return asked

    def _hold(self) -> None:
        """Wait here, between two batches: never stopped from outside, where a lock of the store might be held."""
        if self._store.change(self._run, (JobState.RUNNING,), state=JobState.PAUSED, eta=None):
            self._store.add_event(self._run, "paused", {})
        while self._asked() == "pause":
            time.sleep(_NAP)
        self._store.add_event(self._run, "resumed", {})
