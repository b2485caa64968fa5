"""Which channels must go together: one analysis for both frameworks, over the neutral graph.

Every axis of every value carries the ids of the channels its indices belong to. A layer that makes channels hands
out fresh ids; operations carry them on, spread them, join them (a residual sum makes two channels one) or stop them
(what follows cannot do without). At the end, array axes with the same ids form a group.
"""

from weakref import finalize

from core.graph import Graph, Group
from core.groups._building import Analysis, build
from core.groups._rules import RULES
from core.groups._walk import Walk

__all__ = ["groups", "left_out"]

_KNOWN: dict[int, Analysis] = {}  # by id of a graph that is alive: a drag asks for the same one again and again


def groups(graph: Graph) -> tuple[Group, ...]:
    """All groups, each named after the first layer that makes its channels, from the input to the output.

    Order and names follow a layer's depth, then its name, not the order in which a framework lists its operations:
    they are the same in both.

    A cuttable group has every array axis that its channels touch. Channels that something downstream cannot do
    without are one group per producing layer, rows (kernel and bias) only, with the reason. Layers that make the
    network's output are in no group.
    """
    return _analysis(graph).groups


def left_out(graph: Graph) -> dict[str, str]:
    """For every layer with weights whose rows are in no group: why."""
    return dict(_analysis(graph).left_out)


def _analysis(graph: Graph) -> Analysis:
    known = _KNOWN.get(id(graph))
    if known is None:
        known = _KNOWN[id(graph)] = build(_walked(graph))
        finalize(graph, _KNOWN.pop, id(graph), None)
    return known


def _walked(graph: Graph) -> Walk:
    walk = Walk(graph)
    for node in graph.nodes:
        ids = RULES[node.op](walk, node)
        if [None if axis is None else axis.size for axis in ids] != [
            None if axis is None else size for axis, size in zip(ids, node.shape, strict=False)
        ] or len(ids) != len(node.shape):
            walk.freeze(ids, f"changes shape in {walk.title(node)}: zeroed only")
            ids = (None,) * len(node.shape)
        walk.values[node.name] = ids
    return walk
