"""A job's process, ended with all its children, and stepping back behind what people wait for."""

import os
import signal
import sys

import psutil

from core.processes import alive

_KILL_SECONDS = 3.0
_NICE = 10


def terminate(pid: int, born: str | None) -> None:
    """Ask a process to end."""
    if alive(pid, born):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return


def kill_tree(pid: int, born: str | None) -> None:
    """End a process and all its children now, and wait until they are gone."""
    if not alive(pid, born):
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
