"""Histograms of scores and of signed weights. Counts are exact and add up to the size, whatever the values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import BadWeights

Values = NDArray[np.float32]
#: Entries counted in one go; the temporary arrays stay in the cache.
CHUNK = 1 << 18
#: Fine bins in which the range without outliers is looked for.
_FINE = 8192
#: Entries looked at for that.
_ENOUGH = 1 << 20
#: An axis leaves out this share of entries on the far side if that makes it at least twice as fine.
_OUTLIERS = 1e-3
#: A log axis spans so many decades at most.
_DECADES = 8
#: Below this share of the root mean square an entry, or a row, counts as nearly nothing.
NEAR_ZERO = 0.01


@dataclass(frozen=True)
class Histogram:
    """``counts[i]`` entries lie in ``[edges[i], edges[i + 1])``; those beyond either end are in the bin at that end."""

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


def linear(values: Values, bins: int = 64) -> Histogram:
    """Scores on a linear axis from zero (or the smallest, if negative) to where outliers begin.

    Raises:
        BadWeights: A value is NaN or infinite.
    """
    low, high = _range(values)
    low, high = min(low, 0.0), max(high, 0.0)
    return _counted(values, _edges(low, _without_outliers(values, low, high), bins))


def logarithmic(values: Values, bins: int = 64) -> Histogram:
    """Scores on a log axis: edges are log10 of the score, at most eight decades below the largest.

    Zeros, negative scores and those below the axis are in the first bin.
    """
    _, high = _range(values)
    if high <= 0:
        return Histogram(np.linspace(-_DECADES, 0, bins + 1), _all_in_first(values.size, bins))
    smallest = min((float(chunk[chunk > 0].min(initial=high)) for chunk in _chunks(values)), default=high)
    top = np.log10(high)
    bottom = max(np.log10(smallest), top - _DECADES)
    floor = np.float32(10.0**bottom)

    def logarithm(chunk: Values) -> NDArray[np.float64]:
        return np.log10(np.maximum(chunk, max(floor, np.finfo(np.float32).tiny)), dtype=np.float64)

    return _counted(values, _edges(bottom, top, bins), logarithm)


def signed(values: Values, bins: int = 64) -> Histogram:
    """Weights on a linear axis that is the same on both sides of zero."""
    low, high = _range(values)
    reach = max(-low, high, 0.0)
    return _counted(values, _edges(-reach, reach, bins))


def near_zero(values: Values) -> int:
    """Entries of at most 1 % of the root mean square: gone already, all but in name."""
    limit = NEAR_ZERO * _root_mean_square(values)
    return sum(int(np.count_nonzero(np.abs(chunk) <= limit)) for chunk in _chunks(values))


def dead(kernel: Values) -> int:
    """Output units (axis 0) whose weights' root mean square is at most 1 % of the kernel's."""
    if kernel.size == 0:
        return 0
    rows = kernel.reshape(kernel.shape[0], -1)
    limit = NEAR_ZERO * _root_mean_square(kernel)
    return int(np.count_nonzero(np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64) / rows.shape[1]) <= limit))


def _root_mean_square(values: Values) -> float:
    total = sum(float(np.dot(chunk, chunk.astype(np.float64))) for chunk in _chunks(values))
    return float(np.sqrt(total / max(values.size, 1)))


def _range(values: Values) -> tuple[float, float]:
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise BadWeights("Some values are NaN or infinite; a network with such weights cannot be drawn or pruned.")
    return low, high


def _without_outliers(values: Values, low: float, high: float) -> float:
    """The end of the axis: the largest value, unless a few outliers would squeeze all others together."""
    if high <= low:
        return high
    few = values.reshape(-1)[:: -(-values.size // _ENOUGH)] if values.flags.c_contiguous else values
    fine = _counted(few, _edges(low, high, _FINE))  # where to end an axis needs no exact count
    enough = np.searchsorted(np.cumsum(fine.counts), (1 - _OUTLIERS) * few.size)
    end = float(fine.edges[min(int(enough) + 1, _FINE)])
    return low + 1.1 * (end - low) if end - low < (high - low) / 2 else high


def _edges(low: float, high: float, bins: int) -> NDArray[np.float64]:
    if not high > low:
        pad = abs(low) * 1e-3 or 1.0
        low, high = (low, low + pad) if low == 0 else (low - pad, low + pad)
    return np.linspace(low, high, bins + 1)


def _counted(
    values: Values, edges: NDArray[np.float64], transform: Callable[[Values], NDArray[np.float64]] | None = None
) -> Histogram:
    bins = len(edges) - 1
    counts = np.zeros(bins, np.int64)
    low, scale = edges[0], bins / (edges[-1] - edges[0])
    for chunk in _chunks(values):
        place = (chunk if transform is None else transform(chunk)) - low
        place *= scale
        np.clip(place, 0, bins - 1, out=place)
        counts += np.bincount(place.astype(np.intp), minlength=bins)
    return Histogram(edges, counts)


def _all_in_first(size: int, bins: int) -> NDArray[np.int64]:
    counts = np.zeros(bins, np.int64)
    counts[0] = size
    return counts


def _chunks(values: Values) -> Iterator[Values]:
    """Flat stretches, in any order of entries, without copying more than one stretch."""
    if values.ndim > 1 and not values.flags.c_contiguous and values.transpose().flags.c_contiguous:
        values = values.transpose()
    flat = values.reshape(-1) if values.flags.c_contiguous else None
    if flat is None:
        rows = max(1, CHUNK // max(1, values[:1].size))
        yield from (values[start : start + rows].reshape(-1) for start in range(0, values.shape[0], rows))
        return
    yield from (flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK))
