"""Which channels must go together: one analysis for both frameworks, over the neutral graph.

Every axis of every value carries the ids of the channels its indices belong to. A layer that makes channels hands
out fresh ids; operations carry them on, spread them, join them (a residual sum makes two channels one) or stop them
(what follows cannot do without). At the end, array axes with the same ids form a group.
"""

from collections.abc import Mapping
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from core.graph import Graph, Group
from core.groups._building import Analysis, build
from core.groups._rules import RULES
from core.groups._shuffling import shuffles
from core.groups._walk import Walk
from core.masks import Mask

__all__ = ["gone", "groups", "left_out", "shuffled"]

_KNOWN: dict[int, Analysis] = {}  # by id of a graph that is alive: a drag asks for the same one again and again


def groups(graph: Graph) -> tuple[Group, ...]:
    """All groups, each named after the first layer that makes its channels, from the input to the output.

    The heads of an attention are the group ``LAYER.heads`` (its rows of ``out`` make channels of the group
    ``LAYER``, or of the residual sum they go into); a recurrent layer's hidden units are the group ``LAYER``.

    Order and names follow a layer's depth, then its name, not the order in which a framework lists its operations:
    they are the same in both.

    A cuttable group has every array axis that its channels touch. Channels that something downstream cannot do
    without are one group per producing layer, rows (kernels and biases) only, with the reason. Layers that make the
    network's output are in no group.
    """
    return _analysis(graph).groups


def left_out(graph: Graph) -> dict[str, str]:
    """For every layer with weights whose rows are in no group: why."""
    return dict(_analysis(graph).left_out)


def shuffled(graph: Graph) -> frozenset[str]:
    """The nodes that take channels apart into runs to deal them out anew: when channels go, the runs become shorter."""
    return frozenset(shuffle.apart for shuffle in shuffles(graph))


def gone(group: Group, masks: Mapping[str, Mask]) -> NDArray[np.bool_] | None:
    """Which channels of a group masks have removed: those whose rows are masked from end to end.

    None where the masks leave the first array with its rows whole.
    """
    member = next(member for member in group.members if member.produces)
    if member.array not in masks:
        return None
    kept = masks[member.array].kept
    rows = kept.reshape(kept.shape[0], -1).any(axis=1)
    flags = np.ones(group.channels, np.bool_)
    flags[member.channel[rows]] = False
    return flags


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
