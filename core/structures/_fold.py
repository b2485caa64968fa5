"""From the entries of one Weight to its units, where a unit is a box of entries, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats
from core.scores import Flags


@dataclass(frozen=True)
class Fold:
    """Cuts an array into boxes, each one unit; units are numbered in canonical (row by row) order of their boxes.

    Args:
        shape: Of the Weight, ``(out, in, *kernel)``.
        box: Entries along each axis that go together, at least 1; boxes at the far edges may be smaller.
    """

    shape: tuple[int, ...]
    box: tuple[int, ...]

    @classmethod
    def rows(cls, shape: Sequence[int]) -> "Fold":
        """One unit for each output index."""
        return cls(tuple(shape), (1, *shape[1:]))

    @cached_property
    def grid(self) -> tuple[int, ...]:
        """Boxes along each axis."""
        return tuple(-(-size // step) for size, step in zip(self.shape, self.box, strict=True))

    @property
    def units(self) -> int:
        """How many units there are."""
        return prod(self.grid)

    @cached_property
    def size(self) -> Floats:
        """Entries of each unit, ``(units,)``."""
        counts = np.ones((), np.float32)
        for size, step, boxes in zip(self.shape, self.box, self.grid, strict=True):
            along = np.full(boxes, step, np.float32)
            along[-1:] = size - step * (boxes - 1)
            counts = np.multiply.outer(counts, along)
        return counts.reshape(-1)

    def sum(self, array: Floats) -> Floats:
        """Per unit the sum of its entries, ``(units,)``, added up in double precision: alike for any memory layout."""
        return np.asarray(self._reduced(self._laid(array), np.add, np.float64), np.float32)

    def mean(self, array: Floats) -> Floats:
        """Per unit the mean of its entries, likewise."""
        return np.asarray(self._reduced(self._laid(array), np.add, np.float64) / self.size, np.float32)

    def any(self, array: Flags) -> Flags:
        """Per unit whether one of its entries is set."""
        return self._reduced(array, np.logical_or, np.bool_)

    def spread(self, units: NDArray[Any]) -> NDArray[Any]:
        """Every entry with the value of its unit, in the Weight's shape."""
        found = units.reshape(self.grid)
        for axis, (size, step) in enumerate(zip(self.shape, self.box, strict=True)):
            if step > 1:
                found = np.repeat(found, step, axis)[(slice(None),) * axis + (slice(size),)]
        return np.ascontiguousarray(found)

    def _laid(self, array: Floats) -> Floats:
        """The array, which may have one entry where it is the same along an axis, as it lies in memory row by row."""
        return np.ascontiguousarray(np.broadcast_to(array, self.shape))

    def _reduced(self, array: NDArray[Any], reduce: np.ufunc, dtype: type) -> NDArray[Any]:
        """Axis by axis from the last, so that the largest array is read in order."""
        found = array.reshape(self.shape)
        for axis in reversed(range(len(self.shape))):
            size, step = self.shape[axis], self.box[axis]
            if step >= size:
                found = reduce.reduce(found, axis, dtype=dtype, keepdims=True)
            elif step > 1:
                found = reduce.reduceat(found, np.arange(0, size, step), axis, dtype=dtype)
        return np.ascontiguousarray(found, dtype).reshape(-1)
