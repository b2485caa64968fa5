"""Job: a run as the store knows it, frozen at the moment it was read."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.measurement import Measurement
from core.plan import Plan


class JobState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  # its process vanished without a word

    @property
    def finished(self) -> bool:
        """Nothing happens any more unless somebody asks for it."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.LOST)

    @property
    def continuable(self) -> bool:
        """Ended before its result: it can be taken up from its checkpoint."""
        return self in (JobState.FAILED, JobState.CANCELLED, JobState.LOST)


@dataclass(frozen=True)
class Run:
    """One plan that was, is, or will be carried out.

    Times are seconds since 1970; ``progress`` is in [0, 1], ``eta`` in seconds, ``rate`` in batches per second.
    ``text`` says what it is doing; ``asked`` is "pause" or "cancel" while it has not yet followed.
    ``before`` and ``after`` are on the test split.
    """

    id: str
    workspace: str
    parent: str | None
    name: str
    plan: Plan
    state: JobState
    reason: str = ""
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    progress: float = 0.0
    eta: float | None = None
    rate: float | None = None
    text: str = ""
    asked: str | None = None
    before: Measurement | None = None
    after: Measurement | None = None
    artefacts: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """One thing that happened to a run. ``id`` grows; ``kind`` says what ``data`` holds.

    ================  ====================================================================================
    kind              data
    ================  ====================================================================================
    ``started``       continued (bool)
    ``point``         phase (prepare, dense, pruned, epoch, final), step, epoch, measurement (validation split)
    ``epoch``         phase (prepare, recover), epoch, epochs, step, loss, accuracy, validation_loss,
                      validation_accuracy (of a regression both are R²: quality says which), learning_rate, seconds
    ``histogram``     phase, epoch, step, layers: by Weight name edges (40, the same over the run), counts of the
                      kept weights between them, gone; before the first epoch and after each; exchanged: share
                      of the kept weights that were masked an epoch before (dynamic schedules)
    ``pruned``        step, steps, sparsity
    ``progress``      done, total, rate, eta, text; only the latest is kept
    ``finished``      before, after, layers, stages (:class:`core.results.Stage`; none where nothing is compressed)
    ``failed``        reason
    ``cancelled``, ``paused``, ``resumed``, ``lost``
    ================  ====================================================================================
    """

    id: int
    run: str
    time: float
    kind: str
    data: Mapping[str, Any]


def new_run_id() -> str:
    """A new id that sorts by the time it was made, such as ``20261122-103005-123-7f3a9c21``."""
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    return f"{stamp}-{int(now * 1000) % 1000:03d}-{secrets.token_hex(4)}"
