"""Where attention may be in a network's own code: one softmax between linear layers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from core.backends.pytorch.lanes import Shapes, Unclear, number
from core.backends.pytorch.operators import short_name
from core.backends.pytorch.samples import Sizes

_ATTENDS = "scaled_dot_product_attention"
_SOFTMAX = ("softmax", "_softmax", _ATTENDS)
_PRODUCTS = ("matmul", "bmm", "baddbmm", "einsum")
#: Operations that may lie between the linear layers.
_MOST_NODES = 120


@dataclass
class Region:
    """What lies before a linear layer, back to other linear layers."""

    call: fx.Node
    projections: list[fx.Node]
    inside: list[fx.Node]
    leaves: list[fx.Node]
    anchor: fx.Node


def regions(module: fx.GraphModule) -> list[Region]:
    """Every place, the nearest linear layer behind each softmax."""
    order = {node: index for index, node in enumerate(module.graph.nodes)}
    every = [region for node in order if _is_linear(module, node) for region in _before(module, node, order)]
    return list({region.anchor: region for region in reversed(every)}.values())[::-1]


def _is_linear(module: fx.GraphModule, node: fx.Node) -> bool:
    return node.op == "call_module" and type(module.get_submodule(str(node.target))) is nn.Linear


def _before(module: fx.GraphModule, call: fx.Node, order: Mapping[fx.Node, int]) -> Iterator[Region]:
    """The region before a linear layer, if one softmax lies in it."""
    first = call.args[0]
    reached: dict[fx.Node, None] = {}
    edge = [first] if isinstance(first, fx.Node) else []
    while edge and len(reached) <= _MOST_NODES:
        node = edge.pop()
        if node in reached:
            continue
        reached[node] = None
        passes = node.op == "call_function" and short_name(node.target) != "sym_size"
        dropout = node.op == "call_module" and isinstance(module.get_submodule(str(node.target)), nn.Dropout)
        if passes or dropout:
            edge += node.all_input_nodes
    anchors = [node for node in reached if short_name(node.target) in _SOFTMAX]
    projections = [node for node in reached if _is_linear(module, node)]
    if len(anchors) != 1 or not 1 <= len(projections) <= 3 or len(reached) > _MOST_NODES:
        return
    inside = {*projections}
    for node in sorted(reached, key=order.__getitem__):
        if any(source in inside for source in node.all_input_nodes):
            inside.add(node)
    ordered = sorted(inside, key=order.__getitem__)
    leaves = dict.fromkeys(
        source for node in ordered if node not in projections for source in node.all_input_nodes if source not in inside
    )
    yield Region(call, sorted(projections, key=order.__getitem__), ordered, [*leaves], anchors[0])


def kind(region: Region, shapes: Shapes) -> str:
    """Operations, sizes and how they hang together: the same for two regions that compute the same."""
    numbers = {node: f"%{index}" for index, node in enumerate((*region.leaves, *region.inside))}
    tensors = {leaf: shapes.get(leaf.name) for leaf in region.leaves}
    leaves = [number(leaf, shapes) if shape is None else shape for leaf, shape in tensors.items()]
    lines = []
    for node in region.inside:
        linear = node in region.projections
        given = () if linear else fx.node.map_arg((node.args, node.kwargs), lambda each: numbers[each])
        lines.append(("linear" if linear else str(node.target), given, shapes.get(node.name)))
    return repr((leaves, lines, shapes[region.call.name]))


def check_apart(module: fx.GraphModule, region: Region, sizes: Sizes) -> None:
    """Nothing inside is used elsewhere, and what comes in from elsewhere depends on no weights."""
    calls = [node.target for node in module.graph.nodes if node.op == "call_module"]
    read = {str(node.target).rpartition(".")[0] for node in module.graph.nodes if node.op == "get_attr"}
    for node in (*region.projections, region.call):
        if calls.count(node.target) > 1 or str(node.target) in read:
            raise Unclear(f'"{node.target}" is used more than once')
        given = node.args[0]
        if not isinstance(given, fx.Node) or sizes.sample(given.name) is None or sizes.sample(node.name) is None:
            raise Unclear("its batch is not clear")
    inside = {*region.inside, region.call}
    if any(user not in inside for node in region.inside for user in node.users):
        raise Unclear("values inside of it are used elsewhere too")
    parameters = dict(module.named_parameters(remove_duplicate=False))
    seen: set[fx.Node] = set()
    edge = [leaf for leaf in region.leaves if short_name(leaf.target) != "sym_size"]
    while edge:
        node = edge.pop()
        if node in seen or short_name(node.target) == "sym_size":
            continue
        seen.add(node)
        if node.op == "call_module" or (node.op == "get_attr" and str(node.target) in parameters):
            raise Unclear(f'what comes from "{node.target}" takes part in it')
        edge += node.all_input_nodes


def products(region: Region) -> tuple[fx.Node, fx.Node, fx.Node]:
    """The values that are multiplied as query, key and value."""
    anchor = region.anchor
    if short_name(anchor.target) == _ATTENDS:
        found = anchor.args[:3]
    else:
        if anchor.args[1] not in (-1, len(anchor.meta["shape"]) - 1):
            raise Unclear("its softmax does not run over the keys")
        found = (*_operands(_nearest(anchor, backwards=True, region=region)),)
        behind = _nearest(anchor, backwards=False, region=region)
        found = (*found[:2], _operands(behind)[1])
    if not all(isinstance(each, fx.Node) for each in found):
        raise Unclear("its products are not followed")
    return found  # type: ignore[return-value]


def _nearest(node: fx.Node, *, backwards: bool, region: Region) -> fx.Node:
    """The next product on one side of the softmax."""
    inside, seen, edge = {*region.inside}, {node}, [node]
    found: list[fx.Node] = []
    while edge:
        each = edge.pop()
        for other in each.all_input_nodes if backwards else each.users:
            if other in seen or other not in inside:
                continue
            seen.add(other)
            (found if short_name(other.target) in _PRODUCTS else edge).append(other)
    if len(found) != 1:
        raise Unclear("its products are not followed")
    return found[0]


def _operands(product: fx.Node) -> tuple[Any, Any]:
    name = short_name(product.target)
    args = product.args[1:] if name == "baddbmm" else product.args[1] if name == "einsum" else product.args
    first, second, *_ = args  # type: ignore[misc]
    return first, second
