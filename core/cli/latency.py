"""``latency MODEL [PRUNED]``: how quick a network is in the runtimes of this machine."""

import argparse
import os
from collections.abc import Callable, Sequence
from time import sleep
from typing import Any

from core import paths
from core.backends import backend
from core.backends._base import LoadedModel
from core.charts.words import UNKNOWN, milliseconds, size
from core.cli.output import Answer, say, table
from core.errors import BadSetting
from core.measures.denormals import denormals
from core.measures.speed import Speed, Timing, made, speeds
from core.measures.turn import turn
from core.opening import open_model, with_data
from core.plan import DataChoice
from core.runtimes import RUNTIMES

#: Seconds between two looks whether another timing has ended.
_MOMENT = 0.2
_HEAD = ("runtime", "batch", "threads", "dense", "pruned", "ratio", "95 % interval", "RAM", "RAM pruned")


def command(asked: argparse.Namespace) -> Answer:
    """Time one network, or two in turn."""
    timing = Timing(_numbers(asked.batch), asked.threads or os.cpu_count() or 1, asked.pairs)
    quick = [name for name, runtime in RUNTIMES.items() if runtime.quick]
    chosen = [RUNTIMES[name] for name in (quick if asked.runtimes is None else asked.runtimes.split(","))]
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(timing.threads)  # TensorFlow reads it once, when it starts
    dense, samples = _opened(asked, asked.model)
    now = None if asked.pruned is None else _opened(asked, asked.pruned)[0]
    if now is not None and now.framework != dense.framework:
        raise BadSetting("Both networks must be of one framework: two in one process would slow each other down.")
    with turn(_waiting()):
        found = speeds(dense, now, samples, chosen, timing, named=lambda name: backend(name).title)
    small = {"dense": denormals(dense.arrays())} | ({} if now is None else {"pruned": denormals(now.arrays())})
    for which, many in small.items():
        if many:
            say(denormal_words(which, many, [runtime.title for runtime in chosen if not runtime.flushes]))
    values = {"framework": dense.framework, "denormals": small, "speeds": [_plain(one) for one in found]}
    return Answer(values, _text(found))


def denormal_words(which: str, many: int, slow: Sequence[str]) -> str:
    """What denormals there are, and who is slowed down by them."""
    not_here = f"; {', '.join(slow)} cannot be told to" if slow else ""
    weights = "weight is" if many == 1 else "weights are"
    return f"{many:,} {weights} denormal in the {which} network: runtimes were told to take them for zero{not_here}."


def _waiting() -> Callable[[], None]:
    """Waits a moment for whoever measures on this machine; the first time it says so."""
    said = False

    def wait() -> None:
        nonlocal said
        if not said:
            say("Something else is being timed on this machine: waiting until that has ended.")
        said = True
        sleep(_MOMENT)

    return wait


def _opened(asked: argparse.Namespace, ref: str) -> tuple[LoadedModel, Any]:
    opened = open_model(ref, paths.home(), architecture=asked.architecture, output=None)
    if asked.data is not None:
        opened = with_data(opened, DataChoice(asked.data, asked.normalise))
    return opened.model, made(opened.model, opened.parts)


def _numbers(told: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in told.split(","))
    except ValueError as err:
        raise BadSetting(f'Batch sizes are whole numbers with commas between, such as 1,16; got "{told}".') from err


def _plain(one: Speed) -> dict[str, Any]:
    """As JSON has it: ``pruned`` for what is compared, as the command line calls it."""
    values = one.to_dict()
    names = {"now": "pruned", "file_now": "file_pruned", "ram_now": "ram_pruned"}
    return {names.get(name, name): value for name, value in values.items()}


def _text(found: Sequence[Speed]) -> str:
    rows = [[_cell(one, name) for name in _HEAD] for one in found if not one.refused]
    used = [i for i, name in enumerate(_HEAD) if i < 4 or any(row[i] not in (None, "", UNKNOWN) for row in rows)]
    lines = [table([_HEAD[i] for i in used], [[row[i] for i in used] for row in rows])] if rows else []
    refused = {one.title: one.refused for one in found if one.refused}
    return "\n".join([*lines, *(f"{title}: {why}" for title, why in refused.items())])


def _cell(one: Speed, name: str) -> Any:
    cells: dict[str, Callable[[], Any]] = {
        "runtime": lambda: one.title,
        "batch": lambda: one.batch,
        "threads": lambda: one.threads,
        "dense": lambda: one.dense and milliseconds(one.dense.median_ms, one.dense.spread_ms),
        "pruned": lambda: one.now and milliseconds(one.now.median_ms, one.now.spread_ms),
        "ratio": lambda: one.ratio,
        "95 % interval": lambda: "" if one.ratio is None else f"{one.low:.3f} to {one.high:.3f}",
        "RAM": lambda: size(one.ram),
        "RAM pruned": lambda: size(one.ram_now),
    }
    return cells[name]()
