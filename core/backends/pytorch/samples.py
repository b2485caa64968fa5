"""Shapes of one sample: what is left of a batch's shapes when the batch axis is taken out.

The axis is found by looking at two batch sizes: it is the one that differs. Where the batch is folded into another axis
(heads x batch), the axis stays, with the batch divided out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """One value's shape for one sample. ``batch`` is its batch axis in the framework's numbering, None for none;
    ``folded`` says that this axis also holds something else and therefore stays."""

    shape: Shape
    rank: int
    batch: int | None
    folded: bool = False

    def axis(self, framework_axis: int) -> int | None:
        """The sample's axis, or None for the batch axis itself."""
        axis = framework_axis + self.rank if framework_axis < 0 else framework_axis
        if self.batch is None or self.folded:
            return axis
        return None if axis == self.batch else axis - (axis > self.batch)


@dataclass(frozen=True)
class Sizes:
    """Every node's shape at two batch sizes (at one only, given twice, for a network that takes no other)."""

    first: Mapping[str, Any]
    second: Mapping[str, Any]
    batches: tuple[int, int]

    def sample(self, name: str, result: int | None = None) -> Sample | None:
        """A value's shape for one sample; ``result`` picks from several. None for numbers and for the unclear."""
        first: Any = self.first.get(name)
        second: Any = self.second.get(name)
        if result is not None and _nested(first):
            first, second = first[result], second[result]
        if not _is_shape(first) or not _is_shape(second) or len(first) != len(second):
            return None
        return self._without_batch(first, second)

    def _without_batch(self, first: Shape, second: Shape) -> Sample | None:
        one, other = self.batches
        if one == other:
            leading = bool(first) and first[0] == one
            return Sample(first[1:], len(first), 0) if leading else Sample(first, len(first), None)
        differing = [axis for axis, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]]
        if not differing:
            return Sample(first, len(first), None)
        axis = differing[0]
        factor = first[axis] // one
        if len(differing) > 1 or first[axis] != one * factor or second[axis] != other * factor:
            return None
        if factor == 1:
            return Sample(first[:axis] + first[axis + 1 :], len(first), axis)
        return Sample((*first[:axis], factor, *first[axis + 1 :]), len(first), axis, folded=True)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(size, int) for size in value)


def _nested(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and not _is_shape(value)
