"""The history of a run that no store keeps: every event one line of JSON in the folder of its results."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.artefacts import finite, unavailable
from core.jobs.job import Event

#: Kinds of events that tell of one place in a run; told again after a continuation, they replace the first telling.
_PLACED = ("point", "epoch", "pruned", "histogram")


class History:
    """Writes events down; a run that begins anew forgets what an earlier one wrote.

    Args:
        file: Where they go.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """One line more; of progress nothing is kept.

        Raises:
            Unavailable: The disk is full.
        """
        if kind == "progress":
            return
        fresh = kind == "started" and not data.get("continued")
        line = json.dumps({"time": time.time(), "kind": kind, "data": finite(data)}, allow_nan=False)
        try:
            with self._file.open("w" if fresh else "a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as err:
            raise unavailable(self._file, err) from err


def read_history(file: Path, run: str) -> list[Event]:
    """The events of a file, oldest first, each place once; none where there is no file.

    A line that was cut off (the machine lost power) ends the reading.
    """
    found: dict[object, Event] = {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    for number, line in enumerate(lines, 1):
        try:
            told = json.loads(line)
            event = Event(number, run, float(told["time"]), str(told["kind"]), dict(told["data"]))
        except (ValueError, KeyError, TypeError):
            break
        place = _place(event)
        found.pop(place, None)  # a place that is told again stands where it was told last
        found[place] = event
    return list(found.values())


def _place(event: Event) -> object:
    if event.kind not in _PLACED:
        return event.id
    return (event.kind, *(event.data.get(name) for name in ("phase", "step", "epoch")))
