"""One node of the framework's graph to nodes of the neutral one."""

from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import Any

from torch import fx, nn

from core.backends.pytorch.arrays import places, recurrent_ends, recurrent_layer
from core.backends.pytorch.heads import textbook
from core.backends.pytorch.operations import OPERATIONS
from core.backends.pytorch.operators import called, short_name
from core.backends.pytorch.samples import Sample, Sizes
from core.backends.pytorch.written_attention import Projected, projected
from core.graph import Node, Op

_EMPTY = Sample((), 0, None)


class Builder:
    """Collects neutral nodes; ``names`` maps the framework's nodes to them."""

    def __init__(self, module: fx.GraphModule, sizes: Sizes) -> None:
        self.module = module
        self.sizes = sizes
        self.nodes: list[Node] = []
        self.names: dict[fx.Node, str] = {}
        self.constants: set[fx.Node] = set()
        self.parts: dict[tuple[fx.Node, int], str] = {}
        self.written = {attention.call: attention for attention in projected(module)}
        self.inside = frozenset[str]().union(*(attention.inside for attention in self.written.values()))

    def sample(self, node: fx.Node) -> Sample:
        """A node's shape for one sample; empty where it has none."""
        return self.sizes.sample(node.name) or _EMPTY

    def input(self, node: Any) -> str | None:
        """The neutral name of an argument; constants become nodes where they vary. None for numbers."""
        if not isinstance(node, fx.Node):
            return None
        if node in self.names:
            return self.names[node]
        sample = self.sizes.sample(node.name)
        if sample is None or not any(size > 1 for size in sample.shape):
            return None
        shape = sample.shape
        while shape and shape[0] == 1 and sample.batch is None:
            shape = shape[1:]
        if node.op == "call_module" and isinstance(self.module.get_submodule(str(node.target)), nn.Embedding):
            return self.put(node, Op.EMBEDDING, (), {}, shape, layer=str(node.target), label="Embedding")
        layer = self._parameter(node)
        own = f"{layer}.parameter"
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        tensors = [parameters.get(str(source.target)) for source in _stored(node)]
        reads = tuple(name for tensor in tensors for name in self.held.get(id(tensor), ()) if name != own)
        attrs = {"reads": reads} if reads else {}
        return self.put(node, Op.OPAQUE, (), attrs, shape, layer=layer, label="constant")

    def _parameter(self, node: fx.Node) -> str | None:
        """The parameter a constant is, perhaps spread over the samples."""
        while node.op == "call_function" and short_name(node.target) in ("expand", "clone", "contiguous"):
            node = node.all_input_nodes[0]
        path = str(node.target)
        named = node.op == "get_attr" and path in dict(self.module.named_parameters())
        return path if named else None

    @cached_property
    def held(self) -> dict[int, list[str]]:
        """The arrays that a stored tensor, known by its id, holds."""
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        found: dict[int, list[str]] = {}
        for name, place in places(self.module).items():
            for key in place.keys:
                if key in parameters:
                    found.setdefault(id(parameters[key]), []).append(name)
        return found

    def put(
        self,
        node: fx.Node,
        op: Op,
        inputs: tuple[str, ...],
        attrs: Mapping[str, Any],
        shape: tuple[int, ...] | None = None,
        *,
        layer: str | None = None,
        label: str = "",
        part: str = "",
    ) -> str:
        """Add a neutral node. Without ``part`` it stands for the whole framework node."""
        name = f"{node.name}{part}"
        sample = self.sample(node).shape if shape is None else shape
        self.nodes.append(Node(name, op, inputs, sample, layer, dict(attrs), label or called(node)))
        if not part:
            self.names[node] = name
        return name

    def same(self, node: fx.Node, source: fx.Node) -> None:
        """The node is its input: a copy, a view without effect."""
        name = self.input(source)
        if name is not None:
            self.names[node] = name

    def add(self, node: fx.Node) -> None:
        """Translate one framework node."""
        if node.name in self.inside:
            return
        if node.name in self.written:
            self._written(node, self.written[node.name])
        elif node.op == "placeholder":
            self.put(node, Op.INPUT, (), {}, label="input")
        elif node.op == "output":
            results = node.args[0] if isinstance(node.args[0], tuple | list) else (node.args[0],)
            names = tuple(name for name in map(self.input, results) if name)
            shape = self.sample(results[0]).shape if isinstance(results[0], fx.Node) else ()
            self.put(node, Op.OUTPUT, names, {}, shape, label="output")
        elif node.op == "get_attr" or not any(source in self.names for source in _sources(node)):
            self.constants.add(node)
        elif node.op == "call_module":
            self._layer(node, self.module.get_submodule(str(node.target)))
        elif self.sizes.first.get(node.name) is not None:
            self._operation(node)

    def opaque(self, node: fx.Node, label: str = "", layer: str = "") -> None:
        """The node, perhaps a call of that layer, is computed as it is and never cut through."""
        names = [self.input(source) for source in _sources(node)]
        reads = tuple(name for name in places(self.module) if name.startswith(f"{layer}.")) if layer else ()
        attrs = {"reads": reads} if reads else {}
        self.put(node, Op.OPAQUE, tuple(name for name in names if name), attrs, label=label)

    def _operation(self, node: fx.Node) -> None:
        sample = self.sizes.sample(node.name)
        several = isinstance(self.sizes.first.get(node.name), tuple) and sample is None
        how = OPERATIONS.get(short_name(node.target))
        if how is None or not how(self, node):
            self.opaque(node, "several results" if several and how is None else "")

    def _layer(self, node: fx.Node, layer: nn.Module) -> None:
        source = node.args[0]
        name = self.input(source)
        label = next(base.__name__ for base in type(layer).__mro__ if base.__module__.startswith("torch."))
        if name is None or not isinstance(source, fx.Node):
            self.opaque(node, label)
            return
        path = str(node.target)
        if isinstance(layer, nn.RNNBase):
            self._recurrent(node, layer, name, label)
            return
        inputs: tuple[str, ...] = (name,)
        if isinstance(layer, nn.MultiheadAttention):
            self._attention(node, layer, label)
            return
        op, attrs = _kind(layer, self.sample(source))
        owner = None if isinstance(layer, nn.modules.dropout._DropoutNd) else path
        self.put(node, op, inputs, attrs, layer=owner, label=label)

    def _attention(self, node: fx.Node, layer: nn.MultiheadAttention, label: str) -> None:
        inputs = tuple(found for found in map(self.input, node.args[:3]) if found)
        result = self.sizes.sample(node.name, 0) or _EMPTY
        read = any(user.args[1] == 1 and user.users for user in node.users)  # its weights, averaged over the heads
        attrs = {"heads": layer.num_heads, "weights": read, "plain": textbook(layer)}
        self.parts[(node, 0)] = self.put(
            node, Op.ATTENTION, inputs, attrs, result.shape, layer=str(node.target), label=label
        )

    def _written(self, node: fx.Node, attention: Projected) -> None:
        """Attention in the network's own code, as one operation."""
        by_name = {own.name: own for own in node.graph.nodes}
        inputs = tuple(name for name in (self.input(by_name[given]) for given in attention.inputs) if name)
        attrs: dict[str, Any] = {"heads": attention.heads, "weights": False}
        pairs = _pairs(self.sizes, by_name[attention.anchor], attention.heads)
        if pairs is not None:
            attrs["pairs"] = pairs
        self.put(node, Op.ATTENTION, inputs, attrs, layer=attention.name, label="attention")

    def _recurrent(self, node: fx.Node, layer: nn.RNNBase, name: str, label: str) -> None:
        """A stack of passes, one neutral node each; two-way ones end in a concatenation."""
        result = self.sizes.sample(node.name, 0)
        start = node.all_input_nodes[1:]
        given = tuple(name for name in map(self.input, start) if name)
        one = not layer.bidirectional and layer.num_layers == 1
        if result is None or len(result.shape) != 2 or len(given) < len(start) or (start and not one):
            self.opaque(node, label, str(node.target))
            return
        op = Op.LSTM if isinstance(layer, nn.LSTM) else Op.GRU
        shape = (result.shape[0], layer.hidden_size)
        passes: list[str] = []
        states: list[str] = []
        for end in recurrent_ends(layer):
            own = recurrent_layer(str(node.target), layer, end)
            back = end.endswith("_reverse")
            attrs: dict[str, Any] = {"hidden": layer.hidden_size, "reverse": back}
            if back:
                attrs["twin"] = recurrent_layer(str(node.target), layer, end.removesuffix("_reverse"))
            passes.append(self.put(node, op, (name, *given), attrs, shape, layer=own, label=label, part=f"_{end}"))
            states.append(self._state(node, passes[-1], shape, end))
            if not layer.bidirectional:
                name = passes.pop()
            elif len(passes) == 2:
                width = (shape[0], 2 * layer.hidden_size)
                name = self.put(node, Op.CONCAT, tuple(passes), {"axis": 1}, width, label="concat", part=f"_{end}_both")
                passes = []
        self.names[node] = self.parts[(node, 0)] = name
        if len(states) > 1:
            together = (len(states), layer.hidden_size)
            states = [self.put(node, Op.CONCAT, tuple(states), {"axis": 0}, together, label="concat", part="_states")]
        self.parts[(node, 1)] = states[0]

    def _state(self, node: fx.Node, name: str, shape: tuple[int, ...], end: str) -> str:
        """One pass's part of ``h_n``: its last step (of a backward pass the first), with an axis for the passes."""
        attrs = {"axis": 0, "index": 0 if end.endswith("_reverse") else shape[0] - 1}
        last = self.put(node, Op.SLICE, (name,), attrs, shape[1:], label="last step", part=f"_{end}_last")
        return self.put(node, Op.RESHAPE, (last,), {}, (1, *shape[1:]), label="reshape", part=f"_{end}_state")


def _stored(node: fx.Node) -> list[fx.Node]:
    """The stored tensors that a constant is made of."""
    edge, seen = [node], dict[fx.Node, None]()
    while edge:
        each = edge.pop()
        if each not in seen:
            seen[each] = None
            edge += each.all_input_nodes
    return [each for each in seen if each.op == "get_attr"]


def _sources(node: fx.Node) -> list[fx.Node]:
    return node.all_input_nodes


def _pairs(sizes: Sizes, anchor: fx.Node, heads: int) -> int | None:
    """Query and key pairs that each head scores for one sample."""
    result = sizes.sample(anchor.name)
    if result is None or short_name(anchor.target) != "scaled_dot_product_attention":
        return None if result is None else prod(result.shape) // heads
    keys = sizes.sample(str(anchor.args[1]))
    return None if keys is None else prod(result.shape[:-1]) * keys.shape[-2] // heads


def _kind(layer: nn.Module, source: Sample) -> tuple[Op, dict[str, Any]]:
    channel = source.axis(1) or 0
    if isinstance(layer, nn.Linear):
        return Op.LINEAR, {}
    if isinstance(layer, nn.modules.conv._ConvNd):
        op = Op.CONV_TRANSPOSE if layer.transposed else Op.CONV
        attrs = {"groups": layer.groups, "channel_axis": channel}
        return op, {**attrs, "stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        return Op.BATCH_NORM, {"channel_axis": channel}
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        rank = len(source.shape)
        return Op.LAYER_NORM, {"axes": tuple(range(rank - len(layer.normalized_shape), rank)), "kept": True}
    if isinstance(layer, nn.GroupNorm):
        return Op.GROUP_NORM, {"groups": layer.num_groups, "channel_axis": channel, "kept": True}
    if isinstance(layer, nn.PReLU):
        return Op.ELEMENTWISE, {"channel_axis": channel}
    if isinstance(layer, nn.Embedding):
        return Op.EMBEDDING, {}
    if isinstance(layer, nn.modules.dropout._DropoutNd):
        return Op.ELEMENTWISE, {}
    return Op.OPAQUE, {}
