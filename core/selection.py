"""Exact selection by rank: so many lowest scores go, never one more on ties.

One threshold over hundreds of millions of scores is found without sorting or joining them: a small sample says
between which two values it lies, one pass counts what is below and collects the few entries between.
The result is exact whatever the sample held; a sample that misled costs another pass.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadSetting, BadWeights

Scores = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]

#: Entries looked at together: small enough to stay in a core's cache.
CHUNK = 1 << 16
#: Entries in a sample.
SAMPLE = 1 << 18
#: Entries that are copied and partitioned at most.
DIRECT = 1 << 22


def lowest(scores: Scores, count: int) -> Flags:
    """Which entries go when the ``count`` lowest do; of equal ones those with the lower index go first.

    Args:
        scores: One dimension; no NaN, infinities are allowed.
        count: 0 to the number of scores.

    Returns:
        True where an entry goes: exactly ``count`` of them.

    Raises:
        BadSetting: ``count`` is out of range.
        BadWeights: The scores hold NaN.
    """
    return lowest_together([scores], count)[0]


def lowest_together(arrays: Sequence[Scores], count: int) -> list[Flags]:
    """As :func:`lowest` over all arrays as if they were joined in the order given.

    Beside the result, one byte a score, it needs a few megabytes whatever the size.
    """
    threshold, ties = cutoff(arrays, count)
    flags = []
    for scores in arrays:
        gone = np.less(scores, threshold)
        for start, chunk in _chunks(scores) if ties else ():
            equal = np.flatnonzero(chunk == threshold)[:ties]
            gone[start + equal] = True
            ties -= equal.size
        flags.append(gone)
    return flags


def counts_together(arrays: Sequence[Scores], count: int) -> list[int]:
    """How many entries of each array :func:`lowest_together` takes."""
    threshold, ties = cutoff(arrays, count)
    counts = []
    for scores in arrays:
        below = sum(int(np.count_nonzero(chunk < threshold)) for _, chunk in _chunks(scores))
        equal = sum(int(np.count_nonzero(chunk == threshold)) for _, chunk in _chunks(scores)) if ties else 0
        counts.append(below + min(equal, ties))
        ties -= min(equal, ties)
    return counts


def smallest_kept(scores: Scores, gone: Flags) -> float:
    """The threshold a picture draws: the smallest score kept; just above the largest if none is."""
    least = np.inf
    for start, chunk in _chunks(scores):
        least = min(least, float(np.min(chunk, initial=np.inf, where=~gone[start : start + CHUNK])))
    return least if np.isfinite(least) else float(np.nextafter(np.max(scores), scores.dtype.type(np.inf)))


def cutoff(arrays: Sequence[Scores], count: int) -> tuple[float, int]:
    """The threshold below which entries go, and how many of those equal to it go too."""
    total = sum(scores.size for scores in arrays)
    if not 0 <= count <= total:
        raise BadSetting(f"Of {total} entries 0 to {total} can go; got {count}.")
    if count == 0:
        return -np.inf, 0
    value, below = _ranked(arrays, count - 1, total)
    return value, count - below


def _ranked(arrays: Sequence[Scores], rank: int, total: int) -> tuple[float, int]:
    """The value at ``rank`` (0 is the lowest), and how many entries are smaller."""
    if total <= DIRECT:
        return _partitioned(np.concatenate(arrays), rank)
    low, high, below_low, within = -np.inf, np.inf, 0, total  # the value is in [low, high]
    number = arrays[0].dtype.type
    while True:
        first, last = _bracket(_sample(arrays, low, high, within), (rank - below_low) / within, (low, high))
        below, inside, found = _collected(arrays, first, last)
        if rank < below:
            high, within = float(np.nextafter(number(first), number(-np.inf))), below - below_low
        elif rank >= below + inside:
            low, below_low, within = float(np.nextafter(number(last), number(np.inf))), below + inside, total
            within -= below_low
        elif first == last:
            return first, below
        elif found is not None:
            value, smaller = _partitioned(found, rank - below)
            return value, below + smaller
        else:
            low, high, below_low, within = first, last, below, inside


def _partitioned(values: Scores, rank: int) -> tuple[float, int]:
    values.partition(rank)
    value = float(values[rank])
    if np.isnan(value) or np.isnan(values[rank:].max()):
        raise BadWeights("Scores hold NaN: there is no order in which to remove them.")
    return value, int(np.count_nonzero(values[:rank] < value))


def _sample(arrays: Sequence[Scores], low: float, high: float, within: int) -> Scores:
    """About ``SAMPLE`` of the entries in [low, high], sorted, at even distances."""
    stride = max(1, within // SAMPLE)
    if low == -np.inf and high == np.inf:
        parts = [scores[::stride] for scores in arrays]
    else:
        parts = [chunk[(chunk >= low) & (chunk <= high)][::stride] for scores in arrays for _, chunk in _chunks(scores)]
    sample = np.sort(np.concatenate(parts))
    if sample.size == 0 or np.isnan(sample[-1]):
        raise BadWeights("Scores hold NaN: there is no order in which to remove them.")
    return sample


def _bracket(sample: Scores, share: float, known: tuple[float, float]) -> tuple[float, float]:
    """Two values between which the one at that share of the ranks almost surely lies (six deviations each way)."""
    middle = int(share * sample.size)
    margin = 3 * int(np.sqrt(sample.size)) + 1
    first, last = float(sample[max(0, middle - margin)]), float(sample[min(sample.size - 1, middle + margin)])
    if (first, last) == known:  # two values fill the whole bracket: decide between them
        first = last = float(sample[min(sample.size - 1, middle)])
    return first, last


def _collected(arrays: Sequence[Scores], first: float, last: float) -> tuple[int, int, Scores | None]:
    """How many entries are below ``first``, how many in [first, last], and these, unless there are too many."""
    below, inside = 0, 0
    found: list[Scores] = []
    for scores in arrays:
        for _, chunk in _chunks(scores):
            below += int(np.count_nonzero(chunk < first))
            among = (chunk >= first) & (chunk <= last)
            if inside > DIRECT:
                inside += int(np.count_nonzero(among))
                continue
            found.append(chunk[among])
            inside += found[-1].size
    return below, inside, np.concatenate(found) if inside <= DIRECT else None


def _chunks(scores: Scores) -> Iterator[tuple[int, Scores]]:
    for start in range(0, scores.size, CHUNK):
        yield start, scores[start : start + CHUNK]
