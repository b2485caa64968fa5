"""Arrays of another runtime's file, and which of the network's Weights each of them is.

Exporters rename, fold batch normalisation into rows, turn and join matrices. What stays is the direction of every row
in the space of its inputs; a Weight is found by that.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats

#: Cosine between a row and what it was rounded to, at least, in the middle of all rows.
_NEAR = 0.97


@dataclass(frozen=True, eq=False)
class Tensor:
    """One array: its values, and the integers behind them where it is quantised (zero point taken off).

    Both are in the canonical order (out, in, *kernel), or turned where the file multiplies from the other side.
    """

    values: NDArray[Any]
    integers: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, integers: NDArray[Any], scale: NDArray[Any], zero: NDArray[Any] | np.int8, axis: int) -> "Tensor":
        """From integers with one scale, or one for each index of an axis."""
        shape = [1] * integers.ndim
        if np.size(scale) > 1:
            shape[axis] = -1
        whole = integers.astype(np.int64) - np.asarray(zero, np.int64).reshape(shape if np.size(zero) > 1 else ())
        return cls(whole * np.asarray(scale, np.float64).reshape(shape if np.size(scale) > 1 else ()), whole)

    @property
    def eight(self) -> bool:
        """Whether it is kept in 8 bits."""
        return self.integers is not None


@dataclass(frozen=True, eq=False)
class Found:
    """Where a Weight is: the tensor's part, rows by output, columns in the order of the Weight's inputs and window."""

    tensor: Tensor
    integers: NDArray[np.int64] | None


def found(kernel: Floats, among: Iterable[Tensor]) -> Found | None:
    """The tensor that a kernel became, the nearest in direction; 8-bit ones before others. None where none is."""
    rows = kernel.reshape(len(kernel), -1).astype(np.float64)
    best: tuple[bool, float, Found] | None = None
    for tensor in among:
        for values, integers in _readings(tensor, rows.shape):
            near = _nearness(rows, values)
            if near >= _NEAR and (best is None or (tensor.eight, near) > best[:2]):
                best = (tensor.eight, near, Found(tensor, integers))
    return best[2] if best else None


def _readings(tensor: Tensor, shape: tuple[int, ...]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64] | None]]:
    """Blocks of rows of the tensor, as it lies and turned, that have a matrix' shape."""
    count, width = shape
    flat = tensor.values.reshape(len(tensor.values), -1) if tensor.values.ndim else tensor.values.reshape(1, 1)
    whole = None if tensor.integers is None else tensor.integers.reshape(flat.shape)
    squeezed = [side for side in tensor.values.shape if side > 1]
    turns = [(flat, whole)]
    if len(squeezed) <= 2:  # a matrix: the file may multiply it from the other side
        turned = flat if flat.shape[0] > 1 or not squeezed else flat.reshape(squeezed[0], -1)
        other = None if whole is None else whole.reshape(turned.shape)
        turns.append((turned.T, None if other is None else other.T))
    for values, integers in turns:
        if values.shape[1] == width and values.shape[0] >= count and values.shape[0] % count == 0:
            for start in range(0, len(values), count):
                part = None if integers is None else integers[start : start + count]
                yield values[start : start + count], part


def _nearness(rows: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The middle of the rows' cosines, signs aside; rows of zeros must be zeros in both.

    A row of one number has no direction: such a matrix is compared as one row.
    """
    if rows.shape[1] == 1:
        rows, values = rows.T, values.T
    lengths = np.linalg.norm(rows, axis=1), np.linalg.norm(values, axis=1)
    there = lengths[0] > 0
    if (lengths[1][~there] > 0).any():
        return 0.0
    if not there.any():
        return 1.0
    products = np.abs((rows[there] * values[there]).sum(axis=1))
    cosines = products / (lengths[0][there] * np.where(lengths[1][there] > 0, lengths[1][there], 1.0))
    return float(np.median(cosines))
