"""Channels dealt out anew: reshape to runs, transpose, reshape back (ShuffleNet, Zhang et al. 2018)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.graph import Graph, Node, Op
from core.groups._channels import Ids


@dataclass(frozen=True)
class Shuffle:
    """One shuffle.

    Args:
        apart: The node that takes the channels apart into ``runs`` of equal length.
        together: The node behind which they lie in their new order.
        axis: The channels' axis before and behind.
        order: For each channel behind, which it was before.
    """

    apart: str
    together: str
    axis: int
    runs: int
    order: Ids


def shuffles(graph: Graph) -> tuple[Shuffle, ...]:
    """Every shuffle whose backend can put the sizes right (``inner``)."""
    takers: dict[str, list[Node]] = {node.name: [] for node in graph.nodes}
    for node in graph.nodes:
        for name in node.inputs:
            takers[name].append(node)
    shapes = {node.name: node.shape for node in graph.nodes}
    found = (_shuffle(node, takers, shapes) for node in graph.nodes if node.op is Op.RESHAPE)
    return tuple(shuffle for shuffle in found if shuffle is not None)


def _shuffle(apart: Node, takers: Mapping[str, list[Node]], shapes: Mapping[str, tuple[int, ...]]) -> Shuffle | None:
    before, after = shapes[apart.inputs[0]], apart.shape
    turned = takers[apart.name][0] if len(takers[apart.name]) == 1 else apart
    together = takers[turned.name][0] if len(takers[turned.name]) == 1 else apart
    if turned.op is not Op.PERMUTE or together.op is not Op.RESHAPE or together.shape != before:
        return None
    if not (apart.attrs.get("inner") and together.attrs.get("inner")) or len(after) != len(before) + 1:
        return None
    axis = next((axis for axis, size in enumerate(before) if after[axis] != size), None)
    if axis is None or before[axis + 1 :] != after[axis + 2 :] or before[axis] != after[axis] * after[axis + 1]:
        return None
    swapped = [*range(len(after))]
    swapped[axis : axis + 2] = axis + 1, axis
    if list(turned.attrs["axes"]) != swapped:
        return None
    order = np.arange(before[axis], dtype=np.int32).reshape(after[axis], after[axis + 1]).T.ravel()
    return Shuffle(apart.name, together.name, axis, after[axis], order)
