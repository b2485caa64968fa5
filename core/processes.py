"""Processes of the operating system, told apart by number and birth: a number alone is given out again.

A birth is a mark that no two processes of one number share, and that setting the clock does not change.
"""

import sys
from functools import cache
from pathlib import Path

import psutil

#: Of Linux: ``/proc/PID/stat`` after the name in brackets. The state is field 3 there, the start in ticks field 22.
_STATE, _START = 0, 19
_GONE = ("Z", "X", "x")


def birth(pid: int) -> str | None:
    """The mark of a living process; None where there is none of that number, or only a zombie."""
    if sys.platform == "linux":
        return _ticks(pid)
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


def alive(pid: int, born: str | None) -> bool:
    """Whether the process of that number and birth still runs."""
    return born is not None and birth(pid) == born


def _ticks(pid: int) -> str | None:
    """Ticks from the machine's start to the process's. A time of day would be reckoned from a start that moves
    whenever the clock is set."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE] in _GONE else f"{_boot()}:{fields[_START]}"


@cache
def _boot() -> str:
    """Which start of the machine it is; "" where that is not told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
