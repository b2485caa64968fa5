"""Exact selection by rank: so many lowest scores go, never one more on ties.

One threshold over hundreds of millions of scores is found without sorting or joining them: a small sample says
between which two values it lies, one pass counts what is below and collects the few entries between.
The result is exact whatever the sample held; a sample that misled costs another pass.
"""

from collections.abc import Sequence

import numpy as np

from core.errors import BadSetting, BadWeights
from core.scores import Array, Flags, Scores, barrier

#: Entries looked at together: small enough to stay in a core's cache.
CHUNK = 1 << 16
#: Entries in a sample.
SAMPLE = 1 << 18
#: Entries that are copied and partitioned at most.
DIRECT = 1 << 22


def lowest(scores: Scores | Array, count: int) -> Flags:
    """Which entries go when the ``count`` lowest do; of equal ones those with the lower index go first.

    Args:
        scores: No NaN, infinities are allowed.
        count: 0 to the number of scores.

    Returns:
        True where an entry goes, exactly ``count`` of them, in the scores' shape and memory layout.

    Raises:
        BadSetting: ``count`` is out of range.
        BadWeights: The scores hold NaN.
    """
    return lowest_together([scores], count)[0]


def lowest_together(pools: Sequence[Scores | Array], count: int) -> list[Flags]:
    """As :func:`lowest` over all pools as if they were joined in the order given.

    Beside the result, one byte a score, it needs a few megabytes whatever the size.
    """
    together = _as_scores(pools)
    threshold, ties = cutoff(together, count)
    found = []
    for scores in together:
        gone = np.empty_like(scores.values, np.bool_)
        equal = _flag(scores, threshold, np.less_equal if ties else np.less, gone)
        if equal > ties > 0:
            _flag(scores, threshold, np.less, gone)
            _flag_first(scores, threshold, ties, gone)
        ties -= min(equal, ties)
        found.append(gone)
    return found


def counts_together(pools: Sequence[Scores | Array], count: int) -> list[int]:
    """How many entries of each pool :func:`lowest_together` takes."""
    together = _as_scores(pools)
    threshold, ties = cutoff(together, count)
    counts = []
    for scores in together:
        below, equal = 0, 0
        for part, _ in scores.stretches(CHUNK):
            below += int(np.count_nonzero(part < threshold))
            equal += int(np.count_nonzero(part == threshold)) if ties else 0
        counts.append(below + min(equal, ties))
        ties -= min(equal, ties)
    return counts


def smallest_kept(scores: Scores | Array, gone: Flags) -> float:
    """The threshold a picture draws: the smallest score kept; just above the largest if none is."""
    (scores,) = _as_scores([scores])
    parts = scores.stretches(CHUNK, gone)
    least = min(float(np.maximum(part, barrier(flags, np.inf)).min(initial=np.inf)) for part, flags in parts)
    if np.isfinite(least):
        return least
    largest = max(part.max(initial=-np.inf) for part, _ in scores.stretches(CHUNK))
    return float(np.nextafter(largest, largest.dtype.type(np.inf)))


def cutoff(pools: Sequence[Scores], count: int) -> tuple[float, int]:
    """The threshold below which entries go, and how many of those equal to it go too."""
    total = sum(scores.size for scores in pools)
    if not 0 <= count <= total:
        raise BadSetting(f"Of {total} entries 0 to {total} can go; got {count}.")
    if count == 0:
        return -np.inf, 0
    value, below = _ranked(pools, count - 1, total)
    return value, count - below


def _as_scores(pools: Sequence[Scores | Array]) -> list[Scores]:
    return [scores if isinstance(scores, Scores) else Scores(scores) for scores in pools]


def _flag(scores: Scores, value: float, compare: np.ufunc, gone: Flags) -> int:
    """Say of each entry how it compares with ``value``. Returns how many are equal to it."""
    equal = 0
    for part, flags in scores.stretches(CHUNK, gone):
        compare(part, value, out=flags)
        equal += int(np.count_nonzero(part == value))
    return equal


def _flag_first(scores: Scores, value: float, count: int, gone: Flags) -> None:
    """Also the first ``count`` of the entries that are equal to ``value`` go."""
    for part, flags in scores.stretches(CHUNK, gone, canonical=True):
        equal = np.ascontiguousarray(part == value)
        places = np.flatnonzero(equal)
        equal.reshape(-1)[places[count:]] = False
        flags |= equal
        count -= min(count, places.size)
        if not count:
            return


def _ranked(pools: Sequence[Scores], rank: int, total: int) -> tuple[float, int]:
    """The value at ``rank`` (0 is the lowest), and how many entries are smaller."""
    if total <= DIRECT:
        return _partitioned(np.concatenate([scores.whole() for scores in pools]), rank)
    low, high, below_low, within = -np.inf, np.inf, 0, total  # the value is in [low, high]
    number = pools[0].values.dtype.type
    while True:
        first, last = _bracket(_sample(pools, low, high, within), (rank - below_low) / within, (low, high))
        below, inside, found = _collected(pools, first, last)
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


def _partitioned(values: Array, rank: int) -> tuple[float, int]:
    values.partition(rank)
    value = float(values[rank])
    if np.isnan(value) or np.isnan(values[rank:].max()):
        raise BadWeights("Scores hold NaN: there is no order in which to remove them.")
    return value, int(np.count_nonzero(values[:rank] < value))


def _sample(pools: Sequence[Scores], low: float, high: float, within: int) -> Array:
    """About ``SAMPLE`` of the entries in [low, high], sorted, at even distances."""
    stride = max(1, within // SAMPLE)
    if low == -np.inf and high == np.inf:
        parts = [scores.sample(stride) for scores in pools]
    else:
        parts = [
            part[(part >= low) & (part <= high)][::stride] for scores in pools for part, _ in scores.stretches(CHUNK)
        ]
    sample = np.sort(np.concatenate(parts))
    if sample.size == 0 or np.isnan(sample[-1]):
        raise BadWeights("Scores hold NaN: there is no order in which to remove them.")
    return sample


def _bracket(sample: Array, share: float, known: tuple[float, float]) -> tuple[float, float]:
    """Two values between which the one at that share of the ranks almost surely lies (six deviations each way)."""
    middle = int(share * sample.size)
    margin = 3 * int(np.sqrt(sample.size)) + 1
    first, last = float(sample[max(0, middle - margin)]), float(sample[min(sample.size - 1, middle + margin)])
    if (first, last) == known:  # two values fill the whole bracket: decide between them
        first = last = float(sample[min(sample.size - 1, middle)])
    return first, last


def _collected(pools: Sequence[Scores], first: float, last: float) -> tuple[int, int, Array | None]:
    """How many entries are below ``first``, how many in [first, last], and these, unless there are too many."""
    below, inside = 0, 0
    found: list[Array] = []
    for scores in pools:
        for chunk, _ in scores.stretches(CHUNK):
            below += int(np.count_nonzero(chunk < first))
            among = (chunk >= first) & (chunk <= last)
            if inside > DIRECT:
                inside += int(np.count_nonzero(among))
                continue
            found.append(chunk[among])
            inside += found[-1].size
    return below, inside, np.concatenate(found) if inside <= DIRECT else None
