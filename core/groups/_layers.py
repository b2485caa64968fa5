"""What layers with arrays of their own do to the channels that flow through them."""

import numpy as np

from core.graph import Node, Op
from core.groups._channels import AxisIds, ValueIds
from core.groups._walk import Use, Walk

ZEROED = "zeroed only"


def absorbing(walk: Walk, node: Node) -> ValueIds:
    """What comes in is mixed in a way that is not cut through; what goes out has no channels."""
    for ids in walk.inputs(node):
        walk.freeze(ids, f"reaches {walk.title(node)}: {ZEROED}")
    if node.layer is not None:
        walk.absorbed.setdefault(node.layer, f"{walk.title(node)} is computed as it is: its parts are not removed")
    if node.op is Op.OPAQUE and node.inputs and walk.shapes[node.inputs[0]] == node.shape:
        return walk.inputs(node)[0]  # frozen, but still known as the output's if the output comes next
    return (None,) * len(node.shape)


def opaque(walk: Walk, node: Node) -> ValueIds:
    """A parameter that is added or joined goes along with the channels it meets; anything else absorbs them."""
    for array in node.attrs.get("reads", ()):
        reason = f"{walk.title(node)} is computed as it is: its parts are not removed"
        walk.absorbed.setdefault(array.rpartition(".")[0], reason)
        walk.uses.extend(Use(array, axis, None) for axis in range(len(walk.graph.arrays[array])))
    shape = walk.graph.arrays.get(f"{node.layer}.parameter")
    if node.inputs or shape is None:
        return absorbing(walk, node)
    result: list[AxisIds] = []
    for axis, size in enumerate(node.shape):
        own = axis + len(shape) - len(node.shape)  # leading axes are for samples and for broadcasting
        alike = size > 1 and own >= 0 and shape[own] == size
        ids = _columns(walk, node, "parameter", own) if alike else None
        result.append(ids)
    return tuple(result)


def embedding(walk: Walk, node: Node) -> ValueIds:
    """Columns make channels; having no kernel they cannot rank them, only go with others."""
    for ids in walk.inputs(node):
        walk.freeze(ids, f"is looked up in {walk.title(node)}: {ZEROED}")
    return (*(None,) * (len(node.shape) - 1), _columns(walk, node, "embedding", 1))


def _columns(walk: Walk, node: Node, role: str, axis: int) -> AxisIds:
    """Ids along an axis of an array that makes channels but cannot rank them: the same at each use."""
    known = f"{node.layer}.{role}/{axis}"
    if known not in walk.columns:
        walk.columns[known] = walk.channels.fresh(walk.size(node, role, axis))
    walk.use(node, role, axis, walk.columns[known])
    return walk.columns[known]


def linear(walk: Walk, node: Node) -> ValueIds:
    """Columns are the channels of the last axis, rows make new ones."""
    (ids,) = walk.inputs(node)
    walk.use(node, "kernel", 1, ids[-1])
    return (*ids[:-1], walk.produce(node))


def conv(walk: Walk, node: Node) -> ValueIds:
    """Ordinary, transposed, grouped and depthwise.

    Between the groups of a grouped convolution channels at the same place go together: all groups stay equally wide.
    """
    (ids,) = walk.inputs(node)
    axis, groups = node.attrs["channel_axis"], node.attrs.get("groups", 1)
    freeze_others(walk, node, ids, axis)
    role = "depthwise" if walk.has(node, "depthwise") else "kernel"
    if role == "depthwise" or (groups > 1 and groups == walk.shapes[node.inputs[0]][axis]):
        rows = _depthwise(walk, node, role, ids[axis])
        walk.use(node, "bias", 0, rows)
        return at(node, axis, rows)
    walk.use(node, "kernel", 1, walk.tied(ids[axis], groups, node))
    made = walk.produce(node)
    walk.tied(made, groups, node)
    return at(node, axis, made)


def _depthwise(walk: Walk, node: Node, role: str, own: AxisIds) -> AxisIds:
    """Rows of a depthwise kernel: every channel has ``multiplier`` of them, side by side."""
    rows = None if own is None else np.repeat(own, walk.size(node, role, 0) // own.size)
    walk.use(node, role, 0, rows)
    walk.absorbed.setdefault(str(node.layer), "a depthwise kernel goes with the channels that reach it")
    return rows


def separable(walk: Walk, node: Node) -> ValueIds:
    """Depthwise, then pointwise."""
    (ids,) = walk.inputs(node)
    axis = node.attrs["channel_axis"]
    freeze_others(walk, node, ids, axis)
    walk.use(node, "pointwise", 1, _depthwise(walk, node, "depthwise", ids[axis]))
    return at(node, axis, walk.produce(node, "pointwise"))


def batch_norm(walk: Walk, node: Node) -> ValueIds:
    """Every channel by itself."""
    (ids,) = walk.inputs(node)
    for role in ("scale", "shift", "mean", "variance"):
        walk.use(node, role, 0, ids[node.attrs["channel_axis"]])
    return ids


def layer_norm(walk: Walk, node: Node) -> ValueIds:
    """Statistics run across channels; over those that are kept, once others are gone."""
    (ids,) = walk.inputs(node)
    axes = node.attrs["axes"]
    for role in ("scale", "shift"):
        if walk.has(node, role) and len(walk.graph.arrays[f"{node.layer}.{role}"]) == len(axes):
            for position, axis in enumerate(axes):
                walk.use(node, role, position, ids[axis])
    exact = walk.has(node, "scale") and node.attrs.get("kept", len(axes) == 1)
    for axis in axes:
        _estimate(walk, node, ids[axis], exact)
    return ids


def group_norm(walk: Walk, node: Node) -> ValueIds:
    """Statistics run across the channels of each group; every group loses as many.

    With one channel per group (instance normalisation) a channel is its group and goes alone.
    """
    (ids,) = walk.inputs(node)
    axis, groups = node.attrs["channel_axis"], node.attrs["groups"]
    own = ids[axis]
    for other, along in enumerate(ids):
        if other != axis:
            walk.channels.freeze(along, f"lies along the statistics of {walk.title(node)}: {ZEROED}")
    for role in ("scale", "shift"):
        walk.use(node, role, 0, own)
    if own is not None and groups < own.size:
        walk.tied(own, groups, node)
        _estimate(walk, node, own, walk.has(node, "scale") and node.attrs.get("kept", False))
    return ids


def _estimate(walk: Walk, node: Node, ids: AxisIds, exact: bool) -> None:
    if not exact:
        walk.channels.estimate(
            ids, f"{walk.title(node)} counts zeroed channels among its statistics until they are cut"
        )


def recurrent(walk: Walk, node: Node) -> ValueIds:
    """A GRU or LSTM: hidden units with all their gates. A state given to start with is of the same units."""
    values = walk.inputs(node)
    if len(walk.shapes[node.inputs[0]]) != 2 or not walk.has(node, "recurrent"):
        return absorbing(walk, node)
    walk.channels.freeze(values[0][0], f"lies along the steps of {walk.title(node)}: {ZEROED}")
    walk.use(node, "kernel", 1, values[0][1])
    units = walk.units(node, walk.size(node, "recurrent", 0) // walk.size(node, "recurrent", 1))
    walk.use(node, "recurrent", 1, units)
    for state in values[1:]:
        walk.combined([units, state[-1]], node)
    twin = walk.made.get(f"{node.attrs.get('twin')}.kernel")
    if twin is not None:  # both directions of one layer keep the same number of units
        walk.combined([twin.ids, units], node)
    return (*(None,) * (len(node.shape) - 1), units)


def attention(walk: Walk, node: Node) -> ValueIds:
    """Multi-head attention: whole heads inside, channels of the inputs and of the output outside."""
    values = walk.inputs(node)
    if len(values) not in (1, 3) or not walk.has(node, "query") or node.attrs.get("plain") is False:
        return absorbing(walk, node)
    for role, ids in zip(("query", "key", "value"), values * (3 // len(values)), strict=True):
        freeze_others(walk, node, ids, len(ids) - 1)
        walk.use(node, role, 1, ids[-1])
    heads = walk.heads(node, node.attrs["heads"])
    walk.use(node, "out", 1, np.repeat(heads, walk.size(node, "out", 1) // heads.size))
    if node.attrs.get("weights"):
        walk.channels.freeze(heads, f"its attention weights are used by what follows {walk.title(node)}: {ZEROED}")
    return at(node, len(node.shape) - 1, walk.produce(node, "out", "out_bias"))


def at(node: Node, axis: int, own: AxisIds) -> ValueIds:
    """Channels on one axis only."""
    return tuple(own if a == axis else None for a in range(len(node.shape)))


def freeze_others(walk: Walk, node: Node, ids: ValueIds, axis: int) -> None:
    """Channels on any other axis stay."""
    for other, own in enumerate(ids):
        if other != axis:
            walk.channels.freeze(own, f"lies along the window of {walk.title(node)}: {ZEROED}")
