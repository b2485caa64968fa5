"""What each functional operation is in the neutral graph. An operation not listed, or whose translator says False,
stays opaque."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import fx

from core.backends.pytorch.composed_operations import attended, gated, shuffled, stacked
from core.backends.pytorch.operators import bound
from core.backends.pytorch.several_results import EXTREMES, PIECES, POOLS, extreme, picked, together
from core.graph import Op

if TYPE_CHECKING:
    from core.backends.pytorch.neutral import Builder

Translator = Callable[["Builder", fx.Node], bool]


def _first(node: fx.Node) -> Any:
    return node.args[0] if node.args else None


def _one(builder: "Builder", node: fx.Node, op: Op, attrs: Mapping[str, Any]) -> bool:
    name = builder.input(_first(node))
    if name is None:
        return False
    builder.put(node, op, (name,), attrs)
    return True


def _elementwise(builder: "Builder", node: fx.Node) -> bool:
    others = [argument for argument in node.args[1:] if isinstance(argument, fx.Node)]
    return not any(builder.input(other) for other in others) and _one(builder, node, Op.ELEMENTWISE, {})


def _same(builder: "Builder", node: fx.Node) -> bool:
    builder.same(node, node.all_input_nodes[0])
    return node in builder.names


def _several(op: Op) -> Translator:
    def translate(builder: "Builder", node: fx.Node) -> bool:
        names = tuple(name for name in map(builder.input, node.args[:2]) if name)
        if len(names) == 1:
            builder.put(node, Op.ELEMENTWISE, names, {})
        elif names:
            builder.put(node, op, names, {})
        return bool(names)

    return translate


def _concat(builder: "Builder", node: fx.Node) -> bool:
    arguments = bound(node)
    tensors = arguments["tensors"]
    names = [builder.input(tensor) for tensor in tensors]
    axis = builder.sample(node).axis(arguments["dim"])
    if axis is None or not all(names):
        return False
    builder.put(node, Op.CONCAT, tuple(name for name in names if name), {"axis": axis})
    return True


def _shuffled_pixels(builder: "Builder", node: fx.Node) -> bool:
    """Runs of channels become pixels of one channel, or the other way round (Shi et al. 2016, arXiv:1609.05158)."""
    sample, result = builder.sample(_first(node)).shape, builder.sample(node).shape
    if len(sample) != 3:
        return False
    more = max(sample[0], result[0]) // min(sample[0], result[0])
    return _one(builder, node, Op.POOL, {"channel_axis": 0, "run" if result[0] < sample[0] else "spread": more})


def _reshape(builder: "Builder", node: fx.Node) -> bool:
    source = _first(node)
    if isinstance(source, fx.Node) and builder.sample(source).shape == builder.sample(node).shape:
        return _same(builder, node)
    return _one(builder, node, Op.RESHAPE, {"inner": True})


def _permute(builder: "Builder", node: fx.Node) -> bool:
    source = _first(node)
    sample = builder.sample(source)
    if sample.batch is not None and builder.sample(node).folded != sample.folded:
        return False
    order = _order(node, sample.rank)
    axes = tuple(axis for axis in (sample.axis(framework_axis) for framework_axis in order) if axis is not None)
    if axes == tuple(range(len(sample.shape))):
        return _same(builder, node)
    return _one(builder, node, Op.PERMUTE, {"axes": axes})


def _order(node: fx.Node, rank: int) -> list[int]:
    arguments = bound(node)
    if "dims" in arguments:
        return [axis % rank for axis in arguments["dims"]]
    order = list(range(rank))
    first, second = (arguments.get("dim0", 0) % rank, arguments.get("dim1", 1) % rank)
    order[first], order[second] = order[second], order[first]
    return order


def _pool(builder: "Builder", node: fx.Node) -> bool:
    axis = builder.sample(_first(node)).axis(1)
    return axis is not None and _one(builder, node, Op.POOL, {"channel_axis": axis})


def _pad(builder: "Builder", node: fx.Node) -> bool:
    arguments = bound(node)
    sample = builder.sample(_first(node))
    padded = {sample.rank - 1 - i // 2 for i, size in enumerate(arguments["pad"]) if size}
    channel = next((axis for axis in (1, *range(sample.rank - 1, 0, -1)) if axis not in padded), None)
    axis = None if channel is None or 0 in padded else sample.axis(channel)
    return axis is not None and _one(builder, node, Op.PAD, {"channel_axis": axis})


def _reduce(builder: "Builder", node: fx.Node) -> bool:
    arguments = bound(node)
    sample = builder.sample(_first(node))
    given = arguments.get("dim")
    axes = [sample.axis(axis) for axis in ([given] if isinstance(given, int) else given or [0])]
    if None in axes or builder.sizes.sample(node.name) is None:
        return False
    found = tuple(sorted(axis for axis in axes if axis is not None))
    return _one(builder, node, Op.REDUCE, {"axes": found, "keepdims": bool(arguments.get("keepdim"))})


def _softmax(builder: "Builder", node: fx.Node) -> bool:
    axis = builder.sample(_first(node)).axis(bound(node)["dim"])
    return axis is not None and _one(builder, node, Op.SOFTMAX, {"axis": axis})


def _slice(builder: "Builder", node: fx.Node) -> bool:
    arguments = bound(node)
    sample = builder.sample(_first(node))
    axis = sample.axis(arguments["dim"])
    if builder.sample(node).shape == sample.shape:
        return _same(builder, node)
    if axis is None or not all(isinstance(arguments[n] or 0, int) for n in ("start", "end", "step")):
        return False
    start, stop, step = slice(arguments["start"], arguments["end"], arguments["step"]).indices(sample.shape[axis])
    return _one(builder, node, Op.SLICE, {"axis": axis, "start": start, "stop": stop, "step": step})


def _select(builder: "Builder", node: fx.Node) -> bool:
    arguments = bound(node)
    sample = builder.sample(_first(node))
    axis = sample.axis(arguments["dim"])
    if axis is None or not isinstance(arguments["index"], int):
        return False
    return _one(builder, node, Op.SLICE, {"axis": axis, "index": arguments["index"] % sample.shape[axis]})


def _normalise(builder: "Builder", node: fx.Node) -> bool:
    """Layer normalisation without scale and shift; with them it is a layer."""
    arguments = bound(node)
    rank = len(builder.sample(_first(node)).shape)
    axes = tuple(range(rank - len(arguments["normalized_shape"]), rank))
    return arguments["weight"] is None and _one(builder, node, Op.LAYER_NORM, {"axes": axes})


def _normalise_instance(builder: "Builder", node: fx.Node) -> bool:
    """Every channel by itself, without scale, shift and running statistics."""
    arguments = bound(node)
    sample = builder.sample(_first(node))
    axis = sample.axis(1)
    if axis is None or arguments["weight"] is not None or arguments["running_mean"] is not None:
        return False
    return _one(builder, node, Op.GROUP_NORM, {"groups": sample.shape[axis], "channel_axis": axis})


def _flip(builder: "Builder", node: fx.Node) -> bool:
    axes = bound(node)["dims"]
    sample = builder.sample(_first(node))
    axis = sample.axis(axes[0]) if len(axes) == 1 else None
    if axis is None:
        return False
    attrs = {"axis": axis, "start": sample.shape[axis] - 1, "stop": None, "step": -1}
    return _one(builder, node, Op.SLICE, attrs)


def _matmul(builder: "Builder", node: fx.Node) -> bool:
    names = tuple(name for name in map(builder.input, node.args[:2]) if name)
    if len(names) == 2:
        builder.put(node, Op.MATMUL, names, {})
    return len(names) == 2


_ELEMENTWISE = """relu relu6 gelu silu sigmoid tanh softplus elu leaky_relu hardtanh hardswish hardsigmoid mish selu
 celu logsigmoid log_sigmoid softsign hardshrink softshrink threshold neg exp log sqrt rsqrt abs square pow clamp
 clamp_min clamp_max sin cos reciprocal erf log1p expm1 sign round floor ceil tanhshrink dropout feature_dropout
 alpha_dropout to _to_copy"""
_POOLS = """max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
 adaptive_avg_pool3d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d
 upsample_bicubic2d upsample_trilinear3d"""

OPERATIONS: Mapping[str, Translator] = {
    **dict.fromkeys(_ELEMENTWISE.split(), _elementwise),
    **dict.fromkeys(_POOLS.split(), _pool),
    **dict.fromkeys(["contiguous", "clone", "detach", "alias", "lift_fresh_copy"], _same),
    **dict.fromkeys(["add", "sub", "rsub", "maximum", "minimum", "expand_as"], _several(Op.ADD)),
    **dict.fromkeys(["mul", "div"], _several(Op.MULTIPLY)),
    **dict.fromkeys(["cat", "concat", "concatenate"], _concat),
    **dict.fromkeys(["view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "_unsafe_view"], _reshape),
    **dict.fromkeys(["permute", "transpose", "t"], _permute),
    **dict.fromkeys(["pad", "constant_pad_nd"], _pad),
    **dict.fromkeys(["mean", "sum", "amax", "amin"], _reduce),
    **dict.fromkeys(["softmax", "log_softmax", "_softmax", "_log_softmax"], _softmax),
    **dict.fromkeys(["matmul", "bmm", "mm"], _matmul),
    **dict.fromkeys([*PIECES, "unbind", *POOLS], together),
    **dict.fromkeys(EXTREMES, extreme),
    **dict.fromkeys(["expand", "repeat"], _elementwise),
    **dict.fromkeys(["pixel_shuffle", "pixel_unshuffle"], _shuffled_pixels),
    "stack": stacked,
    "channel_shuffle": shuffled,
    "glu": gated,
    "layer_norm": _normalise,
    "rms_norm": _normalise,
    "instance_norm": _normalise_instance,
    "flip": _flip,
    "slice": _slice,
    "select": _select,
    "getitem": picked,
    "scaled_dot_product_attention": attended,
}
