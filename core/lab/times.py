"""The answer to ``layer_times``: where the time of a prediction goes."""

from typing import Any

from core.lab.library import Library, Opened
from core.lab.shelf import Caller
from core.measures.layers import LayerTime
from core.measures.layers import layer_times as timed
from core.measures.speed import made, usual_threads
from core.measures.turn import turn
from core.plan import Plan
from core.pruning import cuts


def layer_times(library: Library, opened: Opened, plan: Plan, batch: int, caller: Caller) -> dict[str, Any]:
    """Times and multiply-adds of every layer, of the network as it came and as the plan leaves it.

    Args:
        library: Where scores and data are kept.
        opened: The model.
        plan: What to prune.
        batch: Samples in a batch.
        caller: Asked between rounds.

    Returns:
        ``dense``: rows with ``name``, ``kind``, ``ms``, ``spread_ms``, ``macs``, in the order of the network; ``now``:
        the same of the network that is left, empty where the plan removes nothing for good; ``threads``, ``batch``.
    """
    parts = library.parts(opened, plan.data, caller)
    x, threads = made(opened.network, parts)(batch), usual_threads()
    decision = library.decision(opened, plan, caller)
    stays = cuts(opened.network.graph(), decision)
    networks = {"dense": opened.network}
    if stays:
        networks["now"] = opened.network.masked(decision.masks).cut(stays)
    with turn(caller.waits):
        found = {end: timed(network, x, threads=threads, poll=caller.breathe) for end, network in networks.items()}
    rows = {end: [_row(one) for one in found.get(end, ())] for end in ("dense", "now")}
    return {**rows, "threads": threads, "batch": batch}


def _row(one: LayerTime) -> dict[str, Any]:
    times = {"ms": one.time.median_ms, "spread_ms": one.time.spread_ms}
    return {"name": one.name, "kind": one.kind, **times, "macs": one.macs}
