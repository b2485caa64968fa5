"""k-means on a line: the shared values of one layer."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
#: Rounds of Lloyd's algorithm at most; it ends earlier when nothing changes its cluster.
_ROUNDS = 300
#: Values that k-means++ draws from, at most.
_DRAWN_FROM = 1 << 16


def clustered(
    values: NDArray[np.float32], count: int, start: str, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """At most ``count`` shared values, ascending, and the index of each value's own.

    Lloyd's algorithm to its end: on a line a cluster is a run of the sorted values, so that a round costs ``count``
    binary searches (Lloyd 1982). Clusters that are empty at the end are left out.

    Args:
        values: At least one.
        count: Of clusters.
        start: Where their centres begin, one of ``core.plan.STARTS`` (Han et al. 2016, section 3.2).
        rng: For the starts that are drawn.
    """
    order = np.argsort(values, kind="stable")
    line = values[order].astype(np.float64)
    centres, cuts = _settled(line, np.unique(_STARTS[start](line, count, rng)))
    sizes = np.diff(cuts)
    codes = np.empty(len(values), np.uint16)
    codes[order] = np.repeat(np.arange(np.count_nonzero(sizes), dtype=np.uint16), sizes[sizes > 0])
    return centres[sizes > 0].astype(np.float32), codes


def _settled(line: Doubles, centres: Doubles) -> tuple[Doubles, NDArray[np.int64]]:
    """Centres that are the means of their runs, and where the runs of the sorted values begin and end."""
    sums = np.concatenate([[0.0], np.cumsum(line)])
    before: NDArray[np.int64] | None = None
    for _ in range(_ROUNDS):
        inner = np.searchsorted(line, (centres[1:] + centres[:-1]) / 2, side="right")
        cuts = np.concatenate([[0], inner, [len(line)]])
        if before is not None and np.array_equal(cuts, before):
            break
        sizes, before = np.diff(cuts), cuts
        centres = np.where(sizes > 0, np.diff(sums[cuts]) / np.maximum(sizes, 1), centres)
    return centres, cuts


def _linear(line: Doubles, count: int, rng: np.random.Generator) -> Doubles:
    """Evenly between the smallest and the largest value: large weights, rare and important, keep centres near them."""
    return np.linspace(line[0], line[-1], count)


def _density(line: Doubles, count: int, rng: np.random.Generator) -> Doubles:
    """As many values between one centre and the next."""
    return np.asarray(np.quantile(line, (np.arange(count) + 0.5) / count))


def _random(line: Doubles, count: int, rng: np.random.Generator) -> Doubles:
    """Values drawn without putting back (Forgy)."""
    return rng.choice(line, min(count, len(line)), replace=False)


def _plus_plus(line: Doubles, count: int, rng: np.random.Generator) -> Doubles:
    """Each new centre is drawn with its squared distance to those there (Arthur and Vassilvitskii 2007)."""
    among = line if len(line) <= _DRAWN_FROM else rng.choice(line, _DRAWN_FROM, replace=False)
    centres = [float(rng.choice(among))]
    squared = (among - centres[0]) ** 2
    while len(centres) < count and squared.any():
        centres.append(float(rng.choice(among, p=squared / squared.sum())))
        squared = np.minimum(squared, (among - centres[-1]) ** 2)
    return np.array(centres)


_STARTS: Mapping[str, Callable[[Doubles, int, np.random.Generator], Doubles]] = {
    "linear": _linear,
    "density": _density,
    "random": _random,
    "k-means++": _plus_plus,
}
