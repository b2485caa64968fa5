"""What each operation does to the channels that flow through it. One rule per operation."""

from collections.abc import Callable, Mapping

import numpy as np

from core.graph import Node, Op
from core.groups._channels import AxisIds, ValueIds
from core.groups._reshaping import reshaped
from core.groups._walk import Walk

Rule = Callable[[Walk, Node], ValueIds]

ZEROED = "zeroed only"


def _input(walk: Walk, node: Node) -> ValueIds:
    return (None,) * len(node.shape)


def _output(walk: Walk, node: Node) -> ValueIds:
    for ids in walk.inputs(node):
        walk.freeze(ids, "the network's output is never cut", output=True)
    return walk.inputs(node)[0]


def _linear(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    walk.use(node, "kernel", 1, ids[-1])
    return (*ids[:-1], walk.produce(node))


def _conv(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    axis, groups = node.attrs["channel_axis"], node.attrs.get("groups", 1)
    own = ids[axis]
    _freeze_others(walk, node, ids, axis)
    role = "depthwise" if walk.has(node, "depthwise") else "kernel"
    if role == "depthwise" or (groups > 1 and groups == walk.shapes[node.inputs[0]][axis]):
        rows = _depthwise(walk, node, role, own)
        walk.use(node, "bias", 0, rows)
        return _at(node, axis, rows)
    if groups > 1:
        reason = f"grouped convolution {walk.title(node)}: {ZEROED}"
        walk.channels.freeze(own, f"reaches {reason}")
        rows = walk.produce(node)
        walk.channels.freeze(rows, reason)
        return _at(node, axis, rows)
    walk.use(node, "kernel", 1, own)
    return _at(node, axis, walk.produce(node))


def _depthwise(walk: Walk, node: Node, role: str, own: AxisIds) -> AxisIds:
    """Rows of a depthwise kernel: every channel has ``multiplier`` of them, side by side."""
    rows = None if own is None else np.repeat(own, walk.graph.arrays[f"{node.layer}.{role}"][0] // own.size)
    walk.use(node, role, 0, rows)
    walk.absorbed.setdefault(str(node.layer), "a depthwise kernel goes with the channels that reach it")
    return rows


def _separable(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    axis = node.attrs["channel_axis"]
    _freeze_others(walk, node, ids, axis)
    walk.use(node, "pointwise", 1, _depthwise(walk, node, "depthwise", ids[axis]))
    return _at(node, axis, walk.produce(node, "pointwise"))


def _batch_norm(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    for role in ("scale", "shift", "mean", "variance"):
        walk.use(node, role, 0, ids[node.attrs["channel_axis"]])
    return ids


def _normalised(axes: Callable[[Node], tuple[int, ...]]) -> Rule:
    """Statistics run across channels: without one of them the others would change."""

    def rule(walk: Walk, node: Node) -> ValueIds:
        (ids,) = walk.inputs(node)
        for axis in axes(node):
            walk.channels.freeze(ids[axis], f"reaches {walk.title(node)}, which normalises across channels: {ZEROED}")
        return ids

    return rule


def _absorbing(walk: Walk, node: Node) -> ValueIds:
    """What comes in is mixed in a way that is not cut through; what goes out has no channels."""
    for ids in walk.inputs(node):
        walk.freeze(ids, f"reaches {walk.title(node)}: {ZEROED}")
    if node.layer is not None:
        walk.absorbed.setdefault(node.layer, f"the parts of {walk.title(node)} are not removed as channels yet")
    if node.op is Op.OPAQUE and node.inputs and walk.shapes[node.inputs[0]] == node.shape:
        return walk.inputs(node)[0]  # frozen, but still known as the output's if the output comes next
    return (None,) * len(node.shape)


def _elementwise(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    if any(name.startswith(f"{node.layer}.") for name in walk.graph.arrays):
        walk.freeze(ids, f"reaches {walk.title(node)}, which has parameters of its own: {ZEROED}")
    return ids


def _combine(walk: Walk, node: Node) -> ValueIds:
    values = walk.inputs(node)
    shapes = [walk.shapes[name] for name in node.inputs]
    if len(values) < 2:
        return values[0]  # and a number; an array of constants is an opaque node of its own
    if any(len(shape) != len(node.shape) for shape in shapes):
        return _absorbing(walk, node)
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
    sizes = [walk.shapes[name][along] for name in node.inputs]
    parts = [
        np.full(size, -1, np.int32) if ids[along] is None else ids[along]
        for ids, size in zip(values, sizes, strict=True)
    ]
    joined = np.concatenate([part for part in parts if part is not None])
    result.insert(along, joined if (joined >= 0).any() else None)
    return tuple(result)


def _reshape(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    result, lost = reshaped(ids, walk.shapes[node.inputs[0]], node.shape)
    for axis in lost:
        walk.channels.freeze(axis, f"is taken apart by {walk.title(node)}: {ZEROED}")
    return result


def _permute(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    return tuple(ids[axis] for axis in node.attrs["axes"])


def _windowed(walk: Walk, node: Node) -> ValueIds:
    (ids,) = walk.inputs(node)
    axis = node.attrs["channel_axis"]
    _freeze_others(walk, node, ids, axis)
    return _at(node, axis, ids[axis])


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
    if own is not None and node.shape != walk.shapes[node.inputs[0]]:
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


def _at(node: Node, axis: int, own: AxisIds) -> ValueIds:
    return tuple(own if a == axis else None for a in range(len(node.shape)))


def _freeze_others(walk: Walk, node: Node, ids: ValueIds, axis: int) -> None:
    for other, own in enumerate(ids):
        if other != axis:
            walk.channels.freeze(own, f"lies along the window of {walk.title(node)}: {ZEROED}")


RULES: Mapping[Op, Rule] = {
    Op.INPUT: _input,
    Op.OUTPUT: _output,
    Op.LINEAR: _linear,
    Op.CONV: _conv,
    Op.CONV_TRANSPOSE: _conv,
    Op.SEPARABLE_CONV: _separable,
    Op.BATCH_NORM: _batch_norm,
    Op.LAYER_NORM: _normalised(lambda node: tuple(node.attrs["axes"])),
    Op.GROUP_NORM: _normalised(lambda node: (node.attrs["channel_axis"],)),
    Op.EMBEDDING: _absorbing,
    Op.GRU: _absorbing,
    Op.LSTM: _absorbing,
    Op.ATTENTION: _absorbing,
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
    Op.MATMUL: _absorbing,
    Op.SOFTMAX: _softmax,
    Op.OPAQUE: _absorbing,
}
