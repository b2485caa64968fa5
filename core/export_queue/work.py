"""One thing that was asked for: how far it is, and the note that tells it to whoever looks."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from core.artefacts import write_json
from core.processes import alive

#: What stands for the run's own file, which is not written but only opened and compared.
CHECK = "native"


class State(StrEnum):
    """Where it stands. What came to a good end has no note any more."""

    WAITING = "waiting"
    WORKING = "working"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def under_way(self) -> bool:
        """Whether something will still happen by itself."""
        return self in (State.WAITING, State.WORKING)


class Phase(StrEnum):
    """What is being done, in the words of a person."""

    LOADING = "loading the network"
    WRITING = "writing"
    OPENING = "opening it in a clean process"
    COMPARING = "comparing"


@dataclass(frozen=True)
class Work:
    """One format of a run.

    Attributes:
        name: Of the format, or ``CHECK``.
        model_file: What is written in it.
        called: What the written file is called, without suffix; of ``CHECK`` with it.
        asked: When, in seconds since 1970.
        state: Where it stands.
        began: When its turn came.
        phase: What is being done.
        expected: Seconds it will take, as far as that is known.
        reason: One sentence on why it failed.
        pid, born: Whose turn it is (:mod:`core.processes`).
    """

    name: str
    model_file: str
    called: str
    asked: float
    state: State = State.WAITING
    began: float | None = None
    phase: Phase = Phase.LOADING
    expected: float | None = None
    reason: str = ""
    pid: int = 0
    born: str | None = None

    @property
    def lost(self) -> bool:
        """Whether its process ended without a word."""
        return self.state is State.WORKING and not alive(self.pid, self.born)


def keep(work: Work, folder: Path) -> None:
    """Write the note into the folder of the queue.

    Raises:
        Unavailable: The disk does not take it, or the run is gone.
    """
    write_json(note(folder, work.name), asdict(work))


def note(folder: Path, name: str) -> Path:
    """The note of one format."""
    return folder / f"{name}.json"


def kept(folder: Path) -> dict[str, Work]:
    """Every note by name, first those that were asked for first; one of another version is as none."""
    found = []
    for file in folder.glob("*.json"):
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            states = {"state": State(values["state"]), "phase": Phase(values["phase"])}
            found.append(Work(**{**values, **states}))
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return {work.name: work for work in sorted(found, key=lambda work: work.asked)}
