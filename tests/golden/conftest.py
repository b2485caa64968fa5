"""Networks small enough for pencil and paper, behind the seam: arithmetic in numpy, no framework."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from core.backends._base import Batch, Tap
from core.datasets import Parts
from core.graph import Graph, Node, Op


def linear(outputs: int, inputs: int) -> Graph:
    nodes = (
        Node("x", Op.INPUT, (), (inputs,)),
        Node("w", Op.LINEAR, ("x",), (outputs,), "w"),
        Node("y", Op.OUTPUT, ("w",), (outputs,)),
    )
    return Graph(nodes, {"w.kernel": (outputs, inputs)}, {"w": "Linear"})


@dataclass
class Regression:
    """One output o = w x, the loss of a sample is ½ (o / T - t)²: everything about it can be written down.

    g = (o / T - t) x / T and H = x xᵀ / T², means over samples; :meth:`predict` gives o.
    """

    weight: np.ndarray
    output: str = "regression"
    classes: int = 1

    def graph(self) -> Graph:
        return self._graph

    def __post_init__(self) -> None:
        self._graph = linear(*self.weight.shape)

    def arrays(self) -> Mapping[str, np.ndarray]:
        return {"w.kernel": self.weight}

    def predict(self, x: np.ndarray, masks: Any = None, batch_size: int = 0, poll: Any = None) -> np.ndarray:
        kept = masks["w.kernel"].kept if masks else True
        return x @ (self.weight * kept).T

    def gradients(self, batches: Any, masks: Any = None, *, temperature: float = 1) -> Iterator[dict[str, np.ndarray]]:
        for x, y, weight in (Batch(*batch) for batch in batches):
            weight = np.ones(len(y), np.float32) if weight is None else weight
            error = weight * ((x @ self.weight.T)[:, 0] / temperature - y)
            yield {"w.kernel": np.float32((error[:, None] * x).mean(axis=0, keepdims=True) / temperature)}

    def squared_gradients(self, batches: Any, masks: Any = None) -> Iterator[dict[str, np.ndarray]]:
        for x, y, weight in (Batch(*batch) for batch in batches):
            error = (x @ self.weight.T)[:, 0] - y
            weight = np.ones(len(y)) if weight is None else weight
            yield {"w.kernel": np.float32((weight[:, None] * (error[:, None] * x) ** 2).mean(axis=0, keepdims=True))}

    def hessian_products(
        self, batches: Any, vectors: Any, masks: Any = None, *, temperature: float = 1
    ) -> Iterator[list[dict[str, np.ndarray]]]:
        for batch in batches:
            x = batch[0]
            hessian = x.T @ x / len(x) / temperature**2
            yield [{"w.kernel": np.float32(v["w.kernel"] @ hessian)} for v in vectors]

    def taps(self, batches: Any, names: Any, masks: Any = None, *, gradients: bool = False) -> Iterator[dict[str, Tap]]:
        for x, y, weight in (Batch(*batch) for batch in batches):
            out = x @ self.weight.T
            weight = np.ones(len(y)) if weight is None else weight
            found = {"x": Tap(x), "w": Tap(out, np.float32(weight[:, None] * (out - y[:, None])))}
            yield {name: found[name] for name in names}


@dataclass
class Pictures:
    """A convolution with ReLU whose feature maps, and their gradients, are given: ``(samples, channels, 2, 2)``."""

    maps: np.ndarray
    gradient: np.ndarray
    arrays_: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        channels, *picture = self.maps.shape[1:]
        shapes = {"c.kernel": (channels, 1, 3, 3), "n.scale": (channels,), "f.kernel": (1, self.maps[0].size)}
        self.arrays_ = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
        shape = (channels, *picture)
        self._graph = Graph(
            (
                Node("x", Op.INPUT, (), (1, *picture)),
                Node("c", Op.CONV, ("x",), shape, "c", {"channel_axis": 0, "groups": 1}),
                Node("n", Op.BATCH_NORM, ("c",), shape, "n", {"channel_axis": 0}),
                Node("r", Op.ELEMENTWISE, ("n",), shape, label="relu"),
                Node("flat", Op.RESHAPE, ("r",), (self.maps[0].size,)),
                Node("f", Op.LINEAR, ("flat",), (1,), "f"),
                Node("y", Op.OUTPUT, ("f",), (1,)),
            ),
            shapes,
            {},
        )

    def graph(self) -> Graph:
        return self._graph

    def arrays(self) -> Mapping[str, np.ndarray]:
        return self.arrays_

    def taps(self, batches: Any, names: Any, masks: Any = None, *, gradients: bool = False) -> Iterator[dict[str, Tap]]:
        """The first samples belong to the first batch, and so on."""
        assert names == ["r"]
        start = 0
        for batch in batches:
            part = slice(start, start := start + len(batch.y))
            yield {"r": Tap(self.maps[part], self.gradient[part] if gradients else None)}


@pytest.fixture
def regression() -> Callable[..., Regression]:
    """The network o = w x with these weights, ``(1, inputs)``."""
    return lambda *weights: Regression(np.array([weights], np.float32))


@pytest.fixture
def pictures() -> Callable[..., Pictures]:
    """A network with these feature maps and gradients."""
    return lambda maps, gradient: Pictures(np.array(maps, np.float32), np.array(gradient, np.float32))


@pytest.fixture
def samples() -> Callable[..., Parts]:
    """These training samples and targets."""

    def made(x: Any, y: Any) -> Parts:
        x, y = np.array(x, np.float32), np.array(y, np.float32)
        return Parts("by hand", ("value",), x, y, x, y, x, y, sample_kind="table", task="values")

    return made
