"""The answer to ``shrinking``: what a plan really makes smaller and quicker, cut, written and timed."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from core import temporary
from core.errors import Unavailable
from core.lab import faults, timing
from core.lab.check import ended
from core.lab.library import Library, Opened
from core.lab.shelf import Caller
from core.measures.speed import usual_threads
from core.measures.turn import turn
from core.paths import PROJECT
from core.plan import Plan
from core.pruning import cuts
from core.runtimes import RUNTIMES

COMMAND = (sys.executable, "-m", "core.lab.timing")
#: Seconds the whole may take, and how often the caller is asked whether the answer is still wanted.
SECONDS, _TICK = 600.0, 0.1
#: Samples it is timed with at most.
_SAMPLES = 64


def shrinking(
    library: Library,
    opened: Opened,
    plan: Plan,
    params: Mapping[str, Any],
    caller: Caller,
    *,
    command: Sequence[str] = COMMAND,
) -> dict[str, Any]:
    """Sizes, memory and times of the dense network and of what the plan leaves of it.

    Args:
        library: Where scores and data are kept.
        opened: The model.
        plan: What to prune.
        params: ``runtimes`` (default: all that are ready within seconds), ``batches`` (default: one sample),
            ``threads``; ``other`` is the file of a network that takes the place of what the plan leaves.
        caller: Told how far it is; may stop it.
        command: What to run, for tests.

    Returns:
        As :func:`core.lab.timing.answered`.

    Raises:
        PruneError: What the process says; it ended without a word, or took too long.
        Superseded: Nobody wants the answer any more.
    """
    question = {
        "framework": library.framework,
        "path": str(opened.path),
        "architecture": params["model"].get("architecture"),
        "other": params.get("other"),
        "runtimes": params.get("runtimes") or [name for name, runtime in RUNTIMES.items() if runtime.quick],
        "batches": params.get("batches") or [1],
        "threads": params.get("threads") or usual_threads(),
    }
    decision = None if question["other"] else library.decision(opened, plan, caller)
    stays = cuts(opened.network.graph(), decision) if decision is not None else {}
    x = library.parts(opened, plan.data, caller).split("validation")[0][:_SAMPLES]
    with temporary.folder("timing") as folder:
        timing.asked(folder, question, decision.masks if decision else {}, stays, x if len(x) else None)
        with turn(caller.waits):
            return measured([*command, str(folder)], int(question["threads"]), caller, str(folder))


def measured(command: Sequence[str], threads: int, caller: Caller, folder: str | None = None) -> dict[str, Any]:
    """What a process that measures says last; it is ended with us.

    Args:
        command: What to run.
        threads: That frameworks start with.
        caller: Told how far it is; may stop it.
        folder: Where its temporary files go, if not where everybody's do: who is ended tidies nothing up.

    Raises:
        PruneError: What it says; it ended without a word, or took too long.
        Superseded: Nobody wants the answer any more.
    """
    own: dict[str, str] = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), str(threads))
    own |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder) if folder is not None else {}
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=PROJECT,
        env={**os.environ, **own, "TF_CPP_MIN_LOG_LEVEL": "3"},
        start_new_session=True,
    )
    try:
        for told in _lines(child, caller):
            if "progress" in told:
                caller.breathe(*told["progress"])
            elif "answer" in told:
                answer: dict[str, Any] = told["answer"]
                return answer
            else:
                raise faults.revived(told)
    finally:
        _ended(child)
    raise Unavailable("The process that measures ended without an answer; there may be too little memory for it.")


def _lines(child: "subprocess.Popen[bytes]", caller: Caller) -> Iterator[dict[str, Any]]:
    """What the process says, line by line; between lines the caller may stop it.

    Raises:
        Unavailable: It takes too long.
    """
    said: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        assert child.stdout is not None  # it is a pipe
        for line in child.stdout:
            said.put(line)
        said.put(b"")

    threading.Thread(target=read, name="timing-reader", daemon=True).start()
    begin = monotonic()
    while monotonic() - begin < SECONDS:
        caller.breathe()
        try:
            line = said.get(timeout=_TICK)
        except queue.Empty:
            continue
        if not line:
            return
        with suppress(ValueError):  # half a line of a process that was ended
            yield json.loads(line)
    raise Unavailable(f"Measuring was not done after {SECONDS / 60:.0f} minutes; choose fewer runtimes or batch sizes.")


def _ended(child: "subprocess.Popen[bytes]") -> None:
    ended(child)
    if child.stdout is not None:
        child.stdout.close()
