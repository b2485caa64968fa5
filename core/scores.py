"""What the units of a pool are worth, computed stretch by stretch from arrays that are there anyway."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Scores:
    """One score for each entry of ``values``, in canonical (row by row) order. Nothing computed is kept.

    Attributes:
        values: Any shape and memory layout: a weight as the network holds it, or scores. Never written to.
        key: What makes a score of a value, entry by entry; None where the values are the scores.
        gone: Units that are gone already, in the shape of ``values``: their score is -inf.
        factor: Every score is multiplied by it; above 0.
        entries: Where not all entries of a unit go with it: those that do, in the Weight's shape.
    """

    values: Array
    key: np.ufunc | None = None
    gone: Flags | None = None
    factor: float = 1.0
    entries: Flags | None = None

    @property
    def size(self) -> int:
        """Units."""
        return int(self.values.size)

    @property
    def nbytes(self) -> int:
        """What it holds on to."""
        return int(self.values.nbytes) + sum(int(f.nbytes) for f in (self.gone, self.entries) if f is not None)

    def whole(self) -> Array:
        """All scores in one read-only array of one dimension."""
        scores = self._of(self.values, self.gone).reshape(-1).view()
        scores.flags.writeable = False
        return scores

    def stretches(
        self, length: int, beside: Flags | None = None, *, canonical: bool = False
    ) -> Iterator[tuple[Array, Flags]]:
        """The scores in stretches of about ``length`` entries, each once; a stretch may have several dimensions.

        Args:
            length: Entries that are scored together.
            beside: An array of the shape of ``values``, cut in the same way; by default an empty one is handed out.
            canonical: Stretches, and the entries in each, come in canonical order; else as they lie in memory,
                which is quicker where a framework keeps a kernel turned.
        """
        values, gone, beside = self._laid_out(beside, canonical)
        rows = max(1, length // max(1, values[:1].size))
        for start in range(0, len(values), rows):
            part = slice(start, start + rows)
            scores = self._of(values[part], None if gone is None else gone[part])
            yield scores, _NONE if beside is None else beside[part]

    def sample(self, stride: int) -> Array:
        """Every so manieth score, in no particular order."""
        values, gone, _ = self._laid_out()
        if values.ndim == 1:
            return self._of(values[::stride], None if gone is None else gone[::stride])
        return np.concatenate([part.reshape(-1)[::stride] for part, _ in self.stretches(1 << 16)])

    def below(self, threshold: float) -> int:
        """How many scores are smaller."""
        return sum(int(np.count_nonzero(part < threshold)) for part, _ in self.stretches(1 << 16))

    def _laid_out(
        self, beside: Flags | None = None, canonical: bool = False
    ) -> tuple[Array, Flags | None, Flags | None]:
        """Values, what is gone and what lies beside: views with the slowest axis first, flat if all can be."""
        slowest_first = sorted(range(self.values.ndim), key=lambda axis: -self.values.strides[axis])
        axes = range(self.values.ndim) if canonical else slowest_first
        present = [a for a in (self.values, self.gone, beside) if a is not None]
        flat = all(array.transpose(axes).flags.c_contiguous for array in present)

        def laid(array: Any) -> Any:
            return None if array is None else array.transpose(axes).reshape(-1) if flat else array.transpose(axes)

        return laid(self.values), laid(self.gone), laid(beside)

    def _of(self, values: Array, gone: Flags | None) -> Array:
        scores = values if self.key is None else self.key(values)
        if self.factor != 1:
            scores = scores * scores.dtype.type(self.factor)
        return scores if gone is None else np.minimum(scores, barrier(gone, -np.inf))


def barrier(flags: Flags, inside: float) -> Array:
    """``inside`` (an infinity) where flags are set, its opposite elsewhere.

    For the minimum or maximum with scores: the same as ``np.where``, whose branches cost ten times as much.
    """
    return np.subtract(flags, 0.5, dtype=np.float32) * np.float32(inside)


_NONE: Flags = np.zeros(0, np.bool_)
