"""Processes of the operating system: told apart by pid and create time, ended with all their children."""

import os
import signal
import sys

import psutil

#: Two create times this near are one process: the clock may be set between two readings.
_SAME_SECONDS = 2.0
_KILL_SECONDS = 3.0
_NICE = 10


def me() -> tuple[int, float]:
    """Pid and create time of this process."""
    return os.getpid(), psutil.Process().create_time()


def created(pid: int) -> float:
    """When a process was made; 0 when it is no more."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def alive(pid: int, process_created: float | None) -> bool:
    """Whether that very process still runs. A zombie, and another process under the same pid, do not count."""
    try:
        found = psutil.Process(pid)
        if found.status() == psutil.STATUS_ZOMBIE:
            return False
        return process_created is None or abs(found.create_time() - process_created) < _SAME_SECONDS
    except psutil.Error:
        return False


def terminate(pid: int, process_created: float | None) -> None:
    """Ask a process to end."""
    if alive(pid, process_created):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return


def kill_tree(pid: int, process_created: float | None) -> None:
    """End a process and all its children now, and wait until they are gone."""
    if not alive(pid, process_created):
        return
    try:
        top = psutil.Process(pid)
        family = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=_KILL_SECONDS)


def step_back() -> None:
    """Give this process low priority, and its own children with it."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(max(0, _NICE - os.nice(0)))  # a job started by another one is already low
