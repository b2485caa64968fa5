"""Whose lab this is: it ends when the last server that uses it is gone."""

import threading

import psutil

#: Seconds between two looks.
_PAUSE = 0.5
#: Create times this near are one process's: the system counts from a boot time that moves when the clock is set.
_SAME_SECONDS = 2.0


def created(pid: int) -> float | None:
    """When the process of that number began, in seconds since 1970; None if it is not alive."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


class Owners:
    """Processes told apart by number and create time: a number alone is given out again."""

    def __init__(self) -> None:
        self._alive: set[tuple[int, float]] = set()
        self._lock = threading.Lock()

    def add(self, pid: int, begun: float) -> None:
        """One more server that uses this lab."""
        with self._lock:
            self._alive.add((pid, begun))

    def wait(self) -> None:
        """Return when the last owner is gone."""
        pause = threading.Event()
        while self._any():
            pause.wait(_PAUSE)

    def _any(self) -> bool:
        with self._lock:
            self._alive = {(pid, begun) for pid, begun in self._alive if _is(pid, begun)}
            return bool(self._alive)


def _is(pid: int, begun: float) -> bool:
    now = created(pid)
    return now is not None and abs(now - begun) < _SAME_SECONDS
