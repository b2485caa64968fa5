"""Where a run says what happens, and is asked whether it may go on."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

#: Seconds between two ``progress`` events.
_EVERY = 0.5


class Report(Protocol):
    """Whoever listens to a run: the store (job), a terminal (command line), or nobody."""

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """Something happened; kinds and data as in :class:`core.jobs.job.Event`."""

    def poll(self) -> None:
        """Called after every batch. Returns when the run may go on; may wait for that.

        Raises:
            Cancelled: Somebody asked the run to stop.
        """


class Silent:
    """A report that nobody reads."""

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """Nothing."""

    def poll(self) -> None:
        """Nothing."""


class Progress:
    """How far a run is, told at most twice a second; work is counted in batches of training.

    Args:
        report: Who is told.
        epochs: Epochs of the whole run; 0 for one without training.
        done: Epochs that were finished before (a continued run).
        clock: Seconds.
    """

    def __init__(self, report: Report, epochs: int, done: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._report, self._clock = report, clock
        self._epochs, self._finished, self._within, self._batches = epochs, done, 0, 1
        self._text, self._last, self._training, self._trained = "", -_EVERY, 0.0, 0

    def doing(self, text: str) -> None:
        """Say what comes now."""
        self._text = text
        self._tell()

    def poll(self, done: int, total: int) -> None:
        """A poll for work that is not training."""
        self._report.poll()

    def epoch(self) -> Callable[[int, int], None]:
        """A poll for the batches of one epoch."""
        begin = self._clock()

        def poll(done: int, total: int) -> None:
            nonlocal begin
            now = self._clock()
            self._training += now - begin
            self._trained += 1
            self._within, self._batches = done, max(1, total)
            if now - self._last >= _EVERY:
                self._tell()
            self._report.poll()
            begin = self._clock()  # time that the run was paused is no time of training

        return poll

    def epoch_done(self) -> None:
        """One epoch more is finished."""
        self._finished, self._within = self._finished + 1, 0
        self._tell()

    def _tell(self) -> None:
        self._last = self._clock()
        done = self._finished * self._batches + self._within
        total = self._epochs * self._batches
        rate = self._trained / self._training if self._training > 0 else None
        eta = (total - done) / rate if rate else None
        data = {"done": done, "total": total, "rate": rate, "eta": eta, "text": self._text}
        self._report.event("progress", data)
