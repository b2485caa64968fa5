"""Sizes written into a network's operations, put right after a cut."""

from collections.abc import Collection, Mapping
from math import prod
from typing import Any

import torch
from torch import fx

from core.backends.pytorch.operators import bound, short_name
from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.tracing import shape_of
from core.backends.pytorch.written_attention import projected
from core.errors import BadModel

Shape = tuple[int, ...]

_VIEWS = ("view", "reshape", "_unsafe_view", "unflatten")
_NORMS = ("layer_norm", "rms_norm")


class Mender(fx.Interpreter):
    """Runs a cut network node by node; a literal that no longer fits is put right before it runs.

    Inside of attention written in the network's own code they are right already (:mod:`fewer_heads`).
    Every node's ``meta["shape"]`` is set to its value's shape.

    Args:
        module: The network with its tensors cut.
        sizes: Every value's shape in the uncut network; it is run with a batch of the first size.
        runs: Nodes that take an axis apart into runs, which become shorter.
    """

    def __init__(self, module: fx.GraphModule, sizes: Sizes, runs: Collection[str] = ()) -> None:
        super().__init__(module)
        self.sizes = sizes
        self.before: Mapping[str, Any] = sizes.first
        self.runs = runs
        self.right = frozenset[str]().union(*(attention.inside for attention in projected(module)))
        self.mended = False

    def run_node(self, n: fx.Node) -> object:
        """One node's value, its literal mended if need be."""
        source = n.args[0] if n.op == "call_function" and n.args and n.name not in self.right else None
        if isinstance(source, fx.Node) and isinstance(self.env.get(source), torch.Tensor):
            now, old = tuple(self.env[source].shape), self.before.get(source.name)
            if old is not None and now != old:
                self._mend(n, old, now)
        value = super().run_node(n)
        n.meta["shape"] = shape_of(value)
        return value

    def _mend(self, node: fx.Node, old: Shape, now: Shape) -> None:
        name = short_name(node.target)
        if node.name in self.runs:
            after = self.before[node.name]
            self._put(node, 1, after, shortened(old, after, now))
        elif name in ("split", "split_with_sizes"):
            self._split(node, old, now)
        elif name in _VIEWS:
            after = self.before[node.name]
            first = _axis(node, len(old)) if name == "unflatten" else 0
            result = mended(old, after, now, self._samples(node))
            self._put(node, 2 if name == "unflatten" else 1, after[first:], result[first:])
        elif name in _NORMS:
            axes = len(node.args[1])  # type: ignore[arg-type]
            self._put(node, 1, old[-axes:], now[-axes:])
        elif name == "expand":
            lead = len(node.args[1]) - len(old)  # type: ignore[arg-type]
            self._put(node, 1, (-1,) * lead + old, (-1,) * lead + now)

    def _samples(self, node: fx.Node) -> int | None:
        """The axis of the result that the samples have to themselves: it stays as long as it is."""
        sample = self.sizes.sample(node.name)
        return None if sample is None or sample.folded else sample.batch

    def _split(self, node: fx.Node, old: Shape, now: Shape) -> None:
        """Pieces of one size that become smaller together; pieces of different sizes are never cut."""
        axis = bound(node)["dim"]
        literal, pieces = node.args[1], len(self.before[node.name])
        if old[axis] == now[axis]:
            return
        size = now[axis] // pieces
        node.args = (node.args[0], [size] * pieces if isinstance(literal, list | tuple) else size, *node.args[2:])
        self.mended = True

    def _put(self, node: fx.Node, position: int, old: Shape, new: Shape) -> None:
        """In the list at that position, entries that are an old size become the new one."""
        literal = list(node.args[position])  # type: ignore[arg-type]
        for index, (entry, was, size) in enumerate(zip(literal, old, new, strict=False)):
            if entry == was != size and isinstance(entry, int) and entry > 0:
                literal[index] = size
                self.mended = True
        node.args = (*node.args[:position], literal, *node.args[position + 1 :])


def _axis(node: fx.Node, rank: int) -> int:
    axis = node.args[1]
    assert isinstance(axis, int)  # unflatten's schema
    return axis % rank


def shortened(before: Shape, after: Shape, now: Shape) -> Shape:
    """Where one axis of ``before`` was taken apart into runs, the shape that ``now`` takes: as many, shorter ones."""
    axis = next(axis for axis, size in enumerate(before) if after[axis] != size)
    return (*now[:axis], after[axis], now[axis] // after[axis], *now[axis + 1 :])


def mended(before: Shape, after: Shape, now: Shape, stays: int | None = None) -> Shape:
    """Where ``before`` was reshaped to ``after``, the shape that ``now`` takes; the axis ``stays`` is not asked to.

    Axes are matched, row-major, in the smallest runs of equal size on both sides. Where a run became smaller, the one
    axis that can take it does.

    Raises:
        BadModel: No axis can, or several could.
    """
    result = list(after)
    for sources, targets in _runs(before, after):
        old, size = prod(before[axis] for axis in sources), prod(now[axis] for axis in sources)
        if old == size:
            continue
        wide = [axis for axis in targets if after[axis] > 1 and axis != stays]
        exact = [axis for axis in wide if any(before[s] == after[axis] and now[s] != before[s] for s in sources)]
        possible = exact if len(exact) == 1 else [axis for axis in wide if after[axis] * size % old == 0]
        if len(possible) != 1:
            raise BadModel(f"A reshape from {before} to {after} cannot be mended for {now}.")
        result[possible[0]] = after[possible[0]] * size // old
    return tuple(result)


def _runs(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) and j < len(after):
        sources, targets = [i], [j]
        while (left := prod(before[a] for a in sources)) != (right := prod(after[a] for a in targets)):
            if left < right:
                sources.append(sources[-1] + 1)
            else:
                targets.append(targets[-1] + 1)
        i, j = sources[-1] + 1, targets[-1] + 1
        found.append((sources, targets))
    return found
