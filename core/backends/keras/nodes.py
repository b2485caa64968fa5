"""Collects the nodes of a graph while calls are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.backends.keras.walk import NOMINAL, Call
from core.graph import Node, Op

#: Activation layers by the name of their function.
_LAYERS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "Softmax": "softmax"}
#: Activations that work entry by entry.
POINTWISE = frozenset(
    """
    relu relu6 leaky_relu elu selu celu gelu silu swish sigmoid hard_sigmoid sparse_sigmoid tanh hard_tanh tanh_shrink
    softplus softsign soft_shrink hard_shrink sparse_plus squareplus hard_silu hard_swish log_sigmoid exponential mish
    threshold linear
    """.split()  # noqa: SIM905 - a list of names reads better without a hundred quotes
)


def shape(tensor: Any) -> tuple[int, ...]:
    """One sample's shape; an axis of any size (that of the samples, where it is not the first) counts ``NOMINAL``."""
    return tuple(NOMINAL if n is None else int(n) for n in tensor.shape[1:])


def axis_of(axis: int, rank: int) -> int:
    """A Keras axis (the batch is 0, negatives count from the end) as an index into one sample's shape of ``rank``."""
    return (axis if axis >= 0 else axis + rank + 1) - 1


def values(call: Call) -> tuple[Any, ...]:
    """The tensors that a call computes with, without masks (of padding, for instance, which Keras hands on)."""
    from keras import tree

    masks = [value for key, value in call.kwargs.items() if key.endswith("mask")]
    left_out = {id(x) for x in tree.flatten(masks)} - {id(x) for x in tree.flatten(call.args)}
    return tuple(x for x in call.inputs if id(x) not in left_out)


@dataclass
class Emitter:
    """The nodes so far, and which node each Keras tensor came from."""

    nodes: list[Node] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)

    def node(
        self,
        name: str,
        op: Op,
        inputs: Sequence[str],
        shape: tuple[int, ...],
        *,
        layer: str | None = None,
        label: str = "",
        **attrs: Any,
    ) -> str:
        """Add one; its name."""
        self.nodes.append(Node(name, op, tuple(inputs), shape, layer, attrs, label))
        return name

    def inputs(self, call: Call) -> tuple[str, ...]:
        """The nodes that a call's tensors came from; masks only say which of them count."""
        return tuple(self.names[id(x)] for x in values(call))

    def single(self, call: Call, op: Op, *, layer: bool = False, label: str = "", **attrs: Any) -> str:
        """A call that is one node."""
        name = self.node(
            call.name,
            op,
            self.inputs(call),
            shape(call.outputs[0]),
            layer=call.path if layer else None,
            label=label,
            **attrs,
        )
        return self.ends(call, name)

    def ends(self, call: Call, name: str) -> str:
        """Say that a call's first output is the node ``name``; further outputs become opaque nodes of their own."""
        self.names[id(call.outputs[0])] = name
        for i, extra in enumerate(call.outputs[1:], start=1):
            self.names[id(extra)] = self.node(f"{call.name}/{i}", Op.OPAQUE, (name,), shape(extra), label="state")
        return name

    def opaque(self, call: Call, label: str, layer: bool = False) -> str:
        """A call we do not look into."""
        return self.single(call, Op.OPAQUE, layer=layer, label=label)

    def activated(self, name: str, activation: Any, shape: tuple[int, ...]) -> str:
        """The node that applies an activation to ``name``: ``name`` itself for none."""
        label = activation_name(activation)
        if label in ("", "linear"):
            return name
        if label in ("softmax", "log_softmax"):
            return self.node(f"{name}/{label}", Op.SOFTMAX, (name,), shape, label=label, axis=len(shape) - 1)
        op = Op.ELEMENTWISE if label in POINTWISE else Op.OPAQUE
        return self.node(f"{name}/{label}", op, (name,), shape, label=label)


def activation_name(activation: Any) -> str:
    """``relu`` for the function and for the layer; empty for none. A ReLU with a slope below zero leaks."""
    if activation is None:
        return ""
    if getattr(activation, "negative_slope", 0) and type(activation).__name__ == "ReLU":
        return "leaky_relu"
    name = getattr(activation, "__name__", None)
    if name is None:
        name = _LAYERS.get(type(activation).__name__)
    return str(name or type(activation).__name__)
