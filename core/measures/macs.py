"""Multiply-adds for one sample, of the dense network and of what its masks leave.

Counted are kernels and attention products; no bias, normalisation, activation or embedding look-up. A kernel entry
counts once per position it is applied to:

=====================  =======================================================================
operation              positions
=====================  =======================================================================
linear                 outputs / features out (1 for a vector, the time steps for a series)
conv, separable conv   output positions (zeros of the padding count: they are multiplied too)
transposed conv        input positions (what a crop throws away was multiplied too)
GRU, LSTM              time steps
attention              query: queries, key and value: keys, out: queries; and its two products
                       ``queries x keys x width`` each (``attrs["pairs"]``: where not all are scored)
=====================  =======================================================================
"""

from collections.abc import Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from core.graph import Graph, Node, Op
from core.masks import Mask

#: Entries looked at in one go: keeps the temporary booleans of a huge kernel small.
CHUNK = 1 << 22


def positions(graph: Graph) -> dict[str, int]:
    """How often each kernel entry is multiplied for one sample, by Weight; a shared layer's uses add up."""
    shapes = {node.name: node.shape for node in graph.nodes}
    uses = {weight.name: 0 for weight in graph.weights()}
    for node in graph.nodes:
        if node.layer is None:
            continue
        for role, count in _uses(node, graph, shapes).items():
            name = f"{node.layer}.{role}"
            if name in uses:
                uses[name] += count
    return uses


def products(graph: Graph) -> dict[str, int]:
    """Multiply-adds between activations (attention, matrix products), by layer, or by node where none owns it."""
    shapes = {node.name: node.shape for node in graph.nodes}
    owners = {(node.layer or node.name): 0 for node in graph.nodes if node.op in (Op.ATTENTION, Op.MATMUL)}
    for node in graph.nodes:
        if node.op == Op.MATMUL:
            owners[node.layer or node.name] += prod(node.shape) * shapes[node.inputs[0]][-1]
        elif node.op == Op.ATTENTION:
            owners[node.layer or node.name] += _attention_products(node, graph, shapes)
    return owners


def by_layer(graph: Graph) -> dict[str, int]:
    """Multiply-adds for one sample by layer; products of activations no layer owns stand under their node's name."""
    found = products(graph)
    uses = positions(graph)
    for weight in graph.weights():
        found[weight.layer] = found.get(weight.layer, 0) + weight.size * uses[weight.name]
    return found


def total(graph: Graph) -> int:
    """Multiply-adds for one sample."""
    return sum(by_layer(graph).values())


def effective(graph: Graph, arrays: Mapping[str, NDArray[np.float32]], masks: Mapping[str, Mask] | None = None) -> int:
    """Multiply-adds with a weight that is neither zero nor masked; products of activations count in full."""
    masks = masks or {}
    uses = positions(graph)
    kernels = sum(nonzero(arrays[name], masks.get(name)) * count for name, count in uses.items() if count)
    return kernels + sum(products(graph).values())


def nonzero(array: NDArray[np.float32], mask: Mask | None = None) -> int:
    """Entries that are neither zero nor masked."""
    if mask is None:
        return int(np.count_nonzero(array))
    if array.size <= CHUNK or array.ndim == 0:
        return int(np.count_nonzero((array != 0) & mask.kept))
    rows = max(1, CHUNK // max(1, prod(array.shape[1:])))
    starts = range(0, array.shape[0], rows)
    return sum(int(np.count_nonzero((array[s : s + rows] != 0) & mask.kept[s : s + rows])) for s in starts)


def _uses(node: Node, graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Positions by role for one node."""
    if node.op == Op.LINEAR:
        return {"kernel": prod(node.shape[:-1])}
    if node.op in (Op.CONV, Op.SEPARABLE_CONV):
        count = _spatial(node.shape, node)
        return dict.fromkeys(("kernel", "depthwise", "pointwise"), count)
    if node.op == Op.CONV_TRANSPOSE:
        return {"kernel": _spatial(shapes[node.inputs[0]], node)}
    if node.op in (Op.GRU, Op.LSTM):
        return dict.fromkeys(("kernel", "recurrent"), prod(shapes[node.inputs[0]][:-1]))
    if node.op == Op.ATTENTION:
        queries, keys = _tokens(node, shapes)
        return {"query": queries, "key": keys, "value": keys, "out": queries}
    return {}


def _spatial(shape: tuple[int, ...], node: Node) -> int:
    """Positions of a picture or series: everything but the channel axis (the first, where none is given)."""
    axis = node.attrs.get("channel_axis", 0)
    return prod(size for index, size in enumerate(shape) if index != axis)


def _tokens(node: Node, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """Queries and keys of an attention; one input is self-attention."""
    query = shapes[node.inputs[0]]
    key = shapes[node.inputs[1]] if len(node.inputs) > 1 else query
    return prod(query[:-1]), prod(key[:-1])


def _attention_products(node: Node, graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Scores (queries x keys x width) and the weighted sum of the values."""
    if node.layer is not None and f"{node.layer}.query" in graph.arrays:
        queries, keys = _tokens(node, shapes)
        widths = (graph.arrays[f"{node.layer}.query"][0], graph.arrays[f"{node.layer}.value"][0])
        return int(node.attrs.get("pairs", queries * keys)) * sum(widths)
    # Bare scaled-dot-product attention: leading axes (heads) are batches of the product.
    query = shapes[node.inputs[0]]
    key = shapes[node.inputs[1]] if len(node.inputs) > 1 else query
    return prod(query) * key[-2] + prod(node.shape) * key[-2]
