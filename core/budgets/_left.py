"""What a decision leaves of a network, without a framework: entries, shapes and arrays after cut and mask."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats
from core.decisions import Decision, cuts
from core.graph import Graph
from core.masks import Mask

#: Entries looked at in one go.
CHUNK = 1 << 22


def entries(graph: Graph, decision: Decision) -> dict[str, int]:
    """By array, entries that are neither masked nor cut away: a channel's mask covers all that a cut takes."""
    sizes = {name: int(np.prod(shape, dtype=np.int64)) for name, shape in graph.arrays.items()}
    return {
        name: size - (decision.masks[name].removed if name in decision.masks else 0) for name, size in sizes.items()
    }


def widths(graph: Graph, decision: Decision) -> dict[str, int]:
    """By array, its rows after the cut."""
    stays = cuts(graph, decision)
    return {n: len(stays[n, 0]) if (n, 0) in stays else shape[0] for n, shape in graph.arrays.items() if shape}


def arrays_of(
    graph: Graph, arrays: Mapping[str, Floats], decision: Decision
) -> tuple[dict[str, Floats], dict[str, Mask]]:
    """Arrays and masks of the network after the cut; those that are not cut are handed on as they are."""
    stays = cuts(graph, decision)
    left, masks = dict(arrays), dict(decision.masks)
    for (name, axis), kept in stays.items():
        left[name] = np.take(left[name], kept, axis)
        if name in masks:
            masks[name] = Mask(np.take(masks[name].kept, kept, axis))
    return left, masks


def kernels(graph: Graph, arrays: Mapping[str, Floats], decision: Decision) -> Iterator[NDArray[np.float64]]:
    """The prunable weights that stay, stretch by stretch."""
    for weight in graph.weights():
        array = arrays[weight.name]
        kept = decision.masks[weight.name].kept if weight.name in decision.masks else None
        rows = max(1, CHUNK // max(1, weight.size // max(1, weight.shape[0])))
        for start in range(0, weight.shape[0], rows):
            part = array[start : start + rows].astype(np.float64)
            yield part if kept is None else part[kept[start : start + rows]]
