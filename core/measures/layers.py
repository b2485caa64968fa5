"""Where the time of a prediction goes: milliseconds beside multiply-adds, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.backends._base import Floats, LoadedModel, Poll, no_poll
from core.graph import Graph, Node
from core.inputs import Inputs
from core.measures.latency import Latency, summed
from core.measures.macs import by_layer


@dataclass(frozen=True)
class LayerTime:
    """One layer, or one operation that no layer owns.

    Attributes:
        name: Of the layer, or of the operation.
        kind: What its framework calls it.
        time: Milliseconds of one batch, all its uses together.
        macs: Multiply-adds for one sample.
    """

    name: str
    kind: str
    time: Latency
    macs: int


def layer_times(
    model: LoadedModel, x: Inputs, *, threads: int = 1, rounds: int = 20, poll: Poll = no_poll
) -> list[LayerTime]:
    """Every layer and free operation in the order they are carried out first.

    Times are of single layers called by themselves: what a runtime saves by doing several in one go is not in them.
    """
    return gathered(model.graph(), model.layer_times(x, threads, rounds, poll))


def gathered(graph: Graph, times: Mapping[str, Floats]) -> list[LayerTime]:
    """Times of nodes as those of their layers, round by round.

    Args:
        graph: Of the network.
        times: As :meth:`core.backends._base.LoadedModel.layer_times` gives them.
    """
    macs = by_layer(graph)
    rounds: dict[str, Floats] = {}
    kinds: dict[str, str] = {}
    for name, took in times.items():
        node = _node(graph, name)
        owner = name if node is None else node.layer or node.name
        rounds[owner] = rounds[owner] + took if owner in rounds else np.asarray(took, np.float32)
        label = "" if node is None else node.label or node.op.value
        kinds.setdefault(owner, graph.classes.get(owner, label))
    return [LayerTime(owner, kinds[owner], summed(took.tolist()), macs.get(owner, 0)) for owner, took in rounds.items()]


def _node(graph: Graph, name: str) -> Node | None:
    """The node of that name; one that stands for several, by the first of them that a layer owns."""
    found = [node for node in graph.nodes if node.name == name or node.name.startswith(f"{name}/")]
    return next((node for node in found if node.layer), found[0] if found else None)
