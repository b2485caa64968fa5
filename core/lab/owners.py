"""Whose lab this is: it ends when the last server that uses it is gone."""

import threading

from core.processes import alive

#: Seconds between two looks.
_PAUSE = 0.5


class Owners:
    """The servers that use a lab, by number and birth (:mod:`core.processes`)."""

    def __init__(self) -> None:
        self._alive: set[tuple[int, str]] = set()
        self._lock = threading.Lock()

    def add(self, pid: int, born: str) -> None:
        """One more server that uses this lab."""
        with self._lock:
            self._alive.add((pid, born))

    def wait(self) -> None:
        """Return when the last owner is gone."""
        pause = threading.Event()
        while self._any():
            pause.wait(_PAUSE)

    def _any(self) -> bool:
        with self._lock:
            self._alive = {(pid, born) for pid, born in self._alive if alive(pid, born)}
            return bool(self._alive)
