"""What each operation does to the channels that flow through it. One rule per operation."""

from collections.abc import Callable, Mapping

import numpy as np

from core.graph import Node, Op
from core.groups import _layers as layers
from core.groups._channels import AxisIds, Ids, ValueIds
from core.groups._layers import ZEROED, absorbing, at, freeze_others
from core.groups._reshaping import reshaped
from core.groups._shuffling import Shuffle
from core.groups._walk import Walk

Rule = Callable[[Walk, Node], ValueIds]


def _input(walk: Walk, node: Node) -> ValueIds:
    return (None,) * len(node.shape)


def _output(walk: Walk, node: Node) -> ValueIds:
    for ids in walk.inputs(node):
        walk.freeze(ids, "the network's output is never cut", output=True)
    return walk.inputs(node)[0]


def _elementwise(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    roles = [name.rpartition(".")[2] for name in walk.graph.arrays if name.rpartition(".")[0] == node.layer]
    for role in roles if node.layer is not None else ():
        _own_parameter(walk, node, role, ids)
    return ids


def _own_parameter(walk: Walk, node: Node, role: str, ids: ValueIds) -> None:
    """A slope per channel or per entry goes with the channels; one for all stays; anything else keeps them."""
    shape = walk.graph.arrays[f"{node.layer}.{role}"]
    channels_only = len(shape) == 1 and "channel_axis" in node.attrs
    axes: tuple[int, ...] = (node.attrs["channel_axis"],) if channels_only else tuple(range(len(node.shape)))
    wanted = tuple(node.shape[axis] for axis in axes)
    if len(shape) != len(wanted) or any(size not in (1, want) for size, want in zip(shape, wanted, strict=True)):
        walk.freeze(ids, f"reaches {walk.title(node)}, which has parameters of its own: {ZEROED}")
        return
    for position, axis in enumerate(axes):
        walk.use(node, role, position, ids[axis] if shape[position] == wanted[position] else None)


def _combine(walk: Walk, node: Node) -> ValueIds:
    values = walk.inputs(node)
    shapes = [walk.shapes[name] for name in node.inputs]
    if len(values) < 2:
        return values[0]  # and a number; an array of constants is an opaque node of its own
    if any(len(shape) > len(node.shape) for shape in shapes):
        return absorbing(walk, node)
    values = [(None,) * (len(node.shape) - len(ids)) + ids for ids in values]  # as broadcasting does
    shapes = [(1,) * (len(node.shape) - len(shape)) + shape for shape in shapes]
    result: list[AxisIds] = []
    for axis, size in enumerate(node.shape):
        parts = [ids[axis] for ids, shape in zip(values, shapes, strict=True) if shape[axis] == size]
        for ids, shape in zip(values, shapes, strict=True):
            if shape[axis] != size:
                walk.channels.freeze(ids[axis], f"is spread over other channels in {walk.title(node)}: {ZEROED}")
        result.append(walk.combined(parts, node))
    return tuple(result)


def _concat(walk: Walk, node: Node) -> ValueIds:
    values, along = walk.inputs(node), node.attrs["axis"]
    result = [walk.combined([ids[axis] for ids in values], node) for axis in range(len(node.shape)) if axis != along]
    parts: list[Ids] = []
    for ids, name in zip(values, node.inputs, strict=True):
        own = ids[along]
        if walk.loose(own):
            walk.channels.freeze(own, f"is joined to others in {walk.title(node)}: {ZEROED}")
            own = None
        parts.append(np.full(walk.shapes[name][along], -1, np.int32) if own is None else own)
    joined = np.concatenate(parts)
    result.insert(along, joined if (joined >= 0).any() else None)
    return tuple(result)


def _reshape(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    if node.name in walk.together:
        return walk.together[node.name]
    shuffle = walk.shuffles.get(node.name)
    if shuffle is not None and ids[shuffle.axis] is not None:
        return _dealt(walk, node, ids, shuffle)
    result, lost = reshaped(ids, walk.shapes[node.inputs[0]], node.shape)
    for axis in lost:
        walk.channels.freeze(axis, f"is taken apart by {walk.title(node)}: {ZEROED}")
    return result


def _dealt(walk: Walk, node: Node, ids: ValueIds, shuffle: Shuffle) -> ValueIds:
    """Channels at the same place of every run become one; they are met again behind the shuffle, in their new order."""
    axis, own = shuffle.axis, ids[shuffle.axis]
    assert own is not None  # asked before
    walk.tied(own, shuffle.runs, node)
    walk.together[shuffle.together] = (*ids[:axis], own[shuffle.order], *ids[axis + 1 :])
    return (*ids[:axis], None, None, *ids[axis + 1 :])


def _permute(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    return tuple(ids[axis] for axis in node.attrs["axes"])


def _windowed(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    axis = node.attrs["channel_axis"]
    freeze_others(walk, node, ids, axis)
    own, run = ids[axis], node.attrs.get("run", 1)
    if own is not None and run > 1:
        own = walk.combined(list(own.reshape(-1, run).T), node)
    return at(node, axis, None if own is None else np.repeat(own, node.attrs.get("spread", 1)))


def _reduce(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    axes = node.attrs["axes"]
    for axis in axes:
        walk.channels.freeze(ids[axis], f"is averaged with other channels in {walk.title(node)}: {ZEROED}")
    if node.attrs.get("keepdims", False):
        return tuple(None if axis in axes else own for axis, own in enumerate(ids))
    return tuple(own for axis, own in enumerate(ids) if axis not in axes)


def _slice(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    axis = node.attrs["axis"]
    own = ids[axis]
    pieces = node.attrs.get("pieces")
    if own is not None and pieces:
        walk.tied(own, pieces, node)  # every piece loses as many
    elif own is not None and node.shape != walk.shapes[node.inputs[0]]:
        # The positions are written into the network: without some channels they would mean others.
        walk.channels.freeze(own, f"is chosen by position in {walk.title(node)}: {ZEROED}")
    if "index" in node.attrs:
        return ids[:axis] + ids[axis + 1 :]
    part = slice(node.attrs.get("start"), node.attrs.get("stop"), node.attrs.get("step"))
    return (*ids[:axis], None if own is None else own[part], *ids[axis + 1 :])


def _softmax(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    walk.channels.freeze(ids[node.attrs["axis"]], f"reaches {walk.title(node)} across channels: {ZEROED}")
    return ids


RULES: Mapping[Op, Rule] = {
    Op.INPUT: _input,
    Op.OUTPUT: _output,
    Op.LINEAR: layers.linear,
    Op.CONV: layers.conv,
    Op.CONV_TRANSPOSE: layers.conv,
    Op.SEPARABLE_CONV: layers.separable,
    Op.BATCH_NORM: layers.batch_norm,
    Op.LAYER_NORM: layers.layer_norm,
    Op.GROUP_NORM: layers.group_norm,
    Op.EMBEDDING: layers.embedding,
    Op.GRU: layers.recurrent,
    Op.LSTM: layers.recurrent,
    Op.ATTENTION: layers.attention,
    Op.ELEMENTWISE: _elementwise,
    Op.ADD: _combine,
    Op.MULTIPLY: _combine,
    Op.CONCAT: _concat,
    Op.RESHAPE: _reshape,
    Op.PERMUTE: _permute,
    Op.POOL: _windowed,
    Op.PAD: _windowed,
    Op.REDUCE: _reduce,
    Op.SLICE: _slice,
    Op.MATMUL: absorbing,
    Op.SOFTMAX: _softmax,
    Op.OPAQUE: layers.opaque,
}
