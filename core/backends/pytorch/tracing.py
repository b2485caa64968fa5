"""A trial run of a graph, remembering the shape of every value and the values asked for."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import fx

from core.backends.pytorch.running import Given
from core.errors import BadModel, first_line

#: What running somebody's graph may raise: wrong shapes, memory, index out of range, unsupported numbers.
FAILURES = (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, NotImplementedError,
            ZeroDivisionError, OverflowError, AssertionError, MemoryError)  # fmt: skip


def shape_of(value: Any) -> Any:
    """A tensor's shape, a tuple of them for several results, None for a number."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    if isinstance(value, tuple | list):
        return tuple(shape_of(item) for item in value)
    return None


class Trace(fx.Interpreter):
    """One run in evaluation mode; ``values`` holds the nodes asked for, ``result`` the output.

    Every node's ``meta["shape"]`` is set to its value's shape.

    Raises:
        BadModel: The network fails on a batch of its own declared shape.
    """

    def __init__(
        self, module: fx.GraphModule, inputs: Given, keep: Callable[[fx.Node], bool] = lambda node: False
    ) -> None:
        super().__init__(module)
        self.keep = keep
        self.values: dict[fx.Node, Any] = {}
        try:
            with torch.no_grad():
                found = self.run(*inputs)
        except FAILURES as err:
            tried = " and ".join(str(tuple(x.shape)) for x in inputs)
            raise BadModel(f"The network fails on an input of its own shape {tried}: {first_line(err)}") from err
        #: All outputs; the first is the one that is measured.
        self.results: Given = found if isinstance(found, tuple) else (found,)
        if not self.results or not all(isinstance(result, torch.Tensor) for result in self.results):
            raise BadModel("The network returns no tensor.")
        self.result = self.results[0]

    def run_node(self, n: fx.Node) -> Any:
        """One node's value, noted."""
        value = super().run_node(n)
        n.meta["shape"] = shape_of(value)
        if self.keep(n):
            self.values[n] = value.clone() if isinstance(value, torch.Tensor) else value
        return value

    @staticmethod
    def rank(node: Any) -> int:
        """Axes of a node's value."""
        shape = node.meta.get("shape") if isinstance(node, fx.Node) else None
        return len(shape) if isinstance(shape, tuple) else 0


def close(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Equal up to the order of summation."""
    if first.shape != second.shape:
        return False
    scale = max(1.0, float(first.detach().abs().nan_to_num(0.0, 0.0).max())) if first.numel() else 1.0
    return torch.allclose(first, second, rtol=1e-4, atol=1e-5 * scale, equal_nan=True)


def shapes(nodes: Iterable[fx.Node]) -> dict[str, Any]:
    """Shape by node name, as last traced."""
    return {node.name: node.meta.get("shape") for node in nodes}
