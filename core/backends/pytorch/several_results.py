"""Operations with several results in the neutral graph: what is asked for is a node, picked by its number."""

from typing import TYPE_CHECKING

from torch import fx

from core.backends.pytorch.operators import bound, short_name
from core.graph import Op

if TYPE_CHECKING:
    from core.backends.pytorch.neutral import Builder

#: Pieces along one axis.
PIECES = ("chunk", "split", "split_with_sizes", "unsafe_chunk")
#: The largest values in windows, and where they were.
POOLS = ("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "max_pool1d_with_indices",
         "max_pool2d_with_indices", "max_pool3d_with_indices")  # fmt: skip
#: With an axis: the largest or smallest value along it, and where it was.
EXTREMES = ("max", "min")


def together(builder: "Builder", node: fx.Node) -> bool:
    """The results as one; each is translated where it is picked."""
    builder.names[node] = builder.names[node.all_input_nodes[0]]
    return True


def extreme(builder: "Builder", node: fx.Node) -> bool:
    """The largest of two values, entry by entry, or along an axis; that of all samples is no operation on one."""
    names = tuple(name for name in map(builder.input, node.all_input_nodes) if name)
    if "other" in bound(node):
        builder.put(node, Op.ADD if len(names) > 1 else Op.ELEMENTWISE, names, {})
        return True
    return "dim" in bound(node) and together(builder, node)


def picked(builder: "Builder", node: fx.Node) -> bool:
    """One of the results of an operation."""
    source, index = node.args[:2]
    if not isinstance(source, fx.Node) or not isinstance(index, int):
        return False
    name = short_name(source.target)
    if (source, index) in builder.parts:
        builder.names[node] = builder.parts[(source, index)]
        return True
    if name == "unbind":
        return _slab(builder, node, source, index)
    if name in PIECES:
        return _piece(builder, node, source, index)
    if name in POOLS or name in EXTREMES:
        return index == 0 and _largest(builder, node, source)
    if source.target is node.target:  # an LSTM's (h, c): both have the same units
        inner = source.args[0]
        if isinstance(inner, fx.Node) and (inner, 1) in builder.parts:
            builder.names[node] = builder.parts[(inner, 1)]
            return True
    return False


def _slab(builder: "Builder", node: fx.Node, source: fx.Node, index: int) -> bool:
    axis = builder.sample(source.all_input_nodes[0]).axis(bound(source)["dim"])
    name = builder.input(source.all_input_nodes[0])
    if axis is None or name is None:
        return False
    builder.put(node, Op.SLICE, (name,), {"axis": axis, "index": index})
    return True


def _piece(builder: "Builder", node: fx.Node, source: fx.Node, index: int) -> bool:
    arguments = bound(source)
    whole = arguments["self"]
    name = builder.input(whole)
    axis = builder.sample(whole).axis(arguments["dim"])
    if name is None or axis is None:
        return False
    before = [builder.sizes.sample(source.name, i) for i in range(index + 1)]
    sizes = [sample.shape[axis] for sample in before if sample is not None]
    attrs = {"axis": axis, "start": sum(sizes[:-1]), "stop": sum(sizes), "step": 1}
    every = [shape[arguments["dim"]] for shape in builder.sizes.first[source.name]]
    if len(set(every)) == 1 and len(every) > 1:
        attrs["pieces"] = len(every)
    builder.put(node, Op.SLICE, (name,), attrs)
    return True


def _largest(builder: "Builder", node: fx.Node, source: fx.Node) -> bool:
    """The values, not their places."""
    arguments = bound(source)
    name, sample = builder.input(arguments["self"]), builder.sample(arguments["self"])
    reduced = short_name(source.target) in EXTREMES
    axis = sample.axis(arguments["dim"] if reduced else 1)
    if name is None or axis is None:
        return False
    if reduced:
        builder.put(node, Op.REDUCE, (name,), {"axes": (axis,), "keepdims": arguments["keepdim"]}, label="max")
    else:
        builder.put(node, Op.POOL, (name,), {"channel_axis": axis}, label=short_name(source.target))
    return True
