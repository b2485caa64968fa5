"""Operations that are several nodes of the neutral graph."""

from typing import TYPE_CHECKING

from torch import fx

from core.backends.pytorch.operators import bound
from core.graph import Op

if TYPE_CHECKING:
    from core.backends.pytorch.neutral import Builder


def stacked(builder: "Builder", node: fx.Node) -> bool:
    """Each with one more axis, joined along it."""
    arguments, whole = bound(node), builder.sample(node)
    names = [builder.input(tensor) for tensor in arguments["tensors"]]
    axis = whole.axis(arguments["dim"])
    if axis is None or not all(names):
        return False
    before, behind = whole.shape[:axis], whole.shape[axis + 1 :]
    if any(builder.sample(tensor).shape != before + behind for tensor in arguments["tensors"]):
        return False
    one = (*before, 1, *behind)
    parts = tuple(
        builder.put(node, Op.RESHAPE, (name,), {}, one, label="unsqueeze", part=f"_{number}")
        for number, name in enumerate(names)
        if name
    )
    builder.put(node, Op.CONCAT, parts, {"axis": axis})
    return True


def gated(builder: "Builder", node: fx.Node) -> bool:
    """One half times the sigmoid of the other (Dauphin et al. 2017, arXiv:1612.08083)."""
    arguments, whole = bound(node), builder.sample(node).shape
    source, axis = builder.input(arguments["self"]), builder.sample(arguments["self"]).axis(arguments["dim"])
    if source is None or axis is None:
        return False
    half = whole[axis]
    values, gates = (
        builder.put(
            node,
            Op.SLICE,
            (source,),
            {"axis": axis, "start": start, "stop": start + half, "step": 1, "pieces": 2},
            whole,
            label="half",
            part=part,
        )
        for start, part in ((0, "_values"), (half, "_gates"))
    )
    gates = builder.put(node, Op.ELEMENTWISE, (gates,), {}, whole, label="sigmoid", part="_sigmoid")
    builder.put(node, Op.MULTIPLY, (values, gates), {})
    return True


def shuffled(builder: "Builder", node: fx.Node) -> bool:
    """Channels taken apart into runs and dealt out anew (Zhang et al. 2018, ShuffleNet, arXiv:1707.01083)."""
    arguments, shape = bound(node), builder.sample(node).shape
    source, runs = builder.input(arguments["self"]), arguments["groups"]
    if source is None or builder.sample(node).axis(1) != 0:
        return False
    apart, swapped = (runs, shape[0] // runs, *shape[1:]), (shape[0] // runs, runs, *shape[1:])
    axes = {"axes": (1, 0, *range(2, len(apart)))}
    name = builder.put(node, Op.RESHAPE, (source,), {"inner": True}, apart, label="view", part="_apart")
    name = builder.put(node, Op.PERMUTE, (name,), axes, swapped, label="transpose", part="_swapped")
    builder.put(node, Op.RESHAPE, (name,), {"inner": True})
    return True


def attended(builder: "Builder", node: fx.Node) -> bool:
    """Scaled dot-product attention: softmax(query keyᵀ) value."""
    query, key, value = (builder.input(argument) for argument in node.args[:3])
    shape = builder.sample(node).shape
    keys = builder.sample(node.args[1]).shape  # type: ignore[arg-type]
    if not (query and key and value) or len(keys) < 2 or bound(node).get("enable_gqa"):
        return False
    swapped = (*range(len(keys) - 2), len(keys) - 1, len(keys) - 2)
    turned = tuple(keys[axis] for axis in swapped)
    products = (*shape[:-1], keys[-2])
    name = builder.put(node, Op.PERMUTE, (key,), {"axes": swapped}, turned, label="transpose", part="_key")
    name = builder.put(node, Op.MATMUL, (query, name), {}, products, label="matmul", part="_products")
    axis = {"axis": len(products) - 1}
    name = builder.put(node, Op.SOFTMAX, (name,), axis, products, label="softmax", part="_weights")
    builder.put(node, Op.MATMUL, (name, value), {}, label="scaled_dot_product_attention")
    return True
