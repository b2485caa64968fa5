"""Small networks without a framework: a neutral graph and arrays."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from core.graph import Graph, Node, Op
from core.plan import DataChoice, Plan


@dataclass
class Drawn:
    """A network as far as pruning looks at it: graph, arrays and given gradients."""

    drawn: Graph
    values: Mapping[str, np.ndarray]
    per_batch: tuple[Mapping[str, np.ndarray], ...] = ()

    def graph(self) -> Graph:
        return self.drawn

    def arrays(self) -> Mapping[str, np.ndarray]:
        return self.values

    def gradients(self, batches: Any, masks: Any = None) -> Iterator[Mapping[str, np.ndarray]]:
        yield from self.per_batch


@dataclass
class Sketch:
    """Draws a graph node by node; a node without inputs named follows the one before."""

    nodes: list[Node]
    arrays: dict[str, tuple[int, ...]]
    classes: dict[str, str]

    def add(
        self,
        op: Op,
        shape: tuple[int, ...],
        layer: str | None = None,
        inputs: tuple[str, ...] | None = None,
        name: str | None = None,
        **attrs: Any,
    ) -> str:
        if inputs is None:
            inputs = (self.nodes[-1].name,) if self.nodes else ()
        name = name or f"n{len(self.nodes)}"
        self.nodes.append(Node(name, op, inputs, shape, layer, attrs, op.value))
        return name

    def input(self, *shape: int) -> str:
        return self.add(Op.INPUT, shape, inputs=())

    def linear(self, layer: str, out: int, inputs: tuple[str, ...] | None = None, bias: bool = True) -> str:
        before = self._shape(inputs)
        self._layer(layer, "Linear", kernel=(out, before[-1]), **({"bias": (out,)} if bias else {}))
        return self.add(Op.LINEAR, (*before[:-1], out), layer, inputs)

    def conv(self, layer: str, out: int, inputs: tuple[str, ...] | None = None, groups: int = 1) -> str:
        channels, *window = self._shape(inputs)
        kernel = (out, channels // groups, *(3 for _ in window))
        self._layer(layer, "Conv2d", kernel=kernel, bias=(out,))
        return self.add(Op.CONV, (out, *window), layer, inputs, groups=groups, channel_axis=0)

    def depthwise(self, layer: str, multiplier: int = 1) -> str:
        channels, *window = self._shape(None)
        rows = channels * multiplier
        self._layer(layer, "Conv2d", depthwise=(rows, 1, *(3 for _ in window)), bias=(rows,))
        return self.add(Op.CONV, (rows, *window), layer, groups=channels, channel_axis=0)

    def norm(self, layer: str) -> str:
        shape = self._shape(None)
        self._layer(layer, "BatchNorm2d", **dict.fromkeys(("scale", "shift", "mean", "variance"), shape[:1]))
        return self.add(Op.BATCH_NORM, shape, layer, channel_axis=0)

    def layer_norm(self, layer: str) -> str:
        shape = self._shape(None)
        self._layer(layer, "LayerNorm", **dict.fromkeys(("scale", "shift"), shape[-1:]))
        return self.add(Op.LAYER_NORM, shape, layer, axes=(len(shape) - 1,))

    def group_norm(self, layer: str, groups: int) -> str:
        shape = self._shape(None)
        self._layer(layer, "GroupNorm", **dict.fromkeys(("scale", "shift"), shape[:1]))
        return self.add(Op.GROUP_NORM, shape, layer, groups=groups, channel_axis=0)

    def recurrent(self, layer: str, op: Op, hidden: int, inputs: tuple[str, ...] | None = None, **attrs: Any) -> str:
        steps, width = self._shape(inputs)
        rows = hidden * (3 if op is Op.GRU else 4)
        biases = dict.fromkeys(("bias", "recurrent_bias"), (rows,))
        self._layer(layer, op.value.upper(), kernel=(rows, width), recurrent=(rows, hidden), **biases)
        return self.add(op, (steps, hidden), layer, inputs, hidden=hidden, **attrs)

    def attention(self, layer: str, heads: int, width: int, **attrs: Any) -> str:
        tokens, channels = self._shape(None)
        inner = dict.fromkeys(("query", "key", "value"), (width, channels))
        biases = dict.fromkeys(("query_bias", "key_bias", "value_bias"), (width,))
        self._layer(layer, "MultiheadAttention", **inner, out=(channels, width), **biases, out_bias=(channels,))
        return self.add(Op.ATTENTION, (tokens, channels), layer, heads=heads, **attrs)

    def embedding(self, layer: str, tokens: int, width: int, start: str) -> str:
        self._layer(layer, "Embedding", embedding=(tokens, width))
        return self.add(Op.EMBEDDING, (*self._shape((start,)), width), layer, (start,))

    def same(self, op: Op, *inputs: str, **attrs: Any) -> str:
        given = inputs or None
        return self.add(op, self._shape(given), None, given, **attrs)

    def flatten(self) -> str:
        return self.add(Op.RESHAPE, (int(np.prod(self._shape(None))),))

    def drawn(self, output: bool = True) -> Graph:
        if output:
            self.same(Op.OUTPUT)
        return Graph(tuple(self.nodes), self.arrays, self.classes)

    def _shape(self, inputs: tuple[str, ...] | None) -> tuple[int, ...]:
        wanted = inputs[0] if inputs else self.nodes[-1].name
        return next(node.shape for node in self.nodes if node.name == wanted)

    def _layer(self, layer: str, kind: str, **shapes: tuple[int, ...]) -> None:
        self.arrays.update({f"{layer}.{role}": shape for role, shape in shapes.items()})
        self.classes[layer] = kind


@pytest.fixture
def sketch() -> Sketch:
    return Sketch([], {}, {})


@pytest.fixture
def filled() -> Callable[..., Drawn]:
    """A network of that graph with random values."""

    def fill(graph: Graph, seed: int = 0, per_batch: tuple[Mapping[str, np.ndarray], ...] = ()) -> Drawn:
        rng = np.random.default_rng(seed)
        return Drawn(graph, {n: rng.standard_normal(s, np.float32) for n, s in graph.arrays.items()}, per_batch)

    return fill


@pytest.fixture
def planned() -> Callable[..., Plan]:
    """A plan with these settings."""
    return lambda **settings: Plan("sample:none@pytorch", DataChoice("iris"), **settings)
