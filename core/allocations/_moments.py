"""Mean, deviation and norm of scores, stretch by stretch: no copy of a large weight is made."""

from collections.abc import Callable, Iterator

import numpy as np

from core.scores import Array, Scores

_STRETCH = 1 << 16


def mean(scores: Scores) -> float:
    """Mean over the units that are still there; 0 if none is."""
    total, count = _summed(scores, lambda part: part)
    return total / max(count, 1)


def norm(scores: Scores) -> float:
    """Square root of the sum of squares over the units that are still there."""
    return float(np.sqrt(_summed(scores, np.square)[0]))


def deviation(scores: Scores) -> float:
    """Standard deviation over the units that are still there.

    Where the score is the absolute weight, that of the weights themselves with their signs, as Han et al. have it.
    """
    if scores.key is np.absolute and scores.factor == 1:
        scores = Scores(scores.values, gone=scores.gone)
    center = mean(scores)
    total, count = _summed(scores, lambda part: np.square(part - center))
    return float(np.sqrt(total / max(count, 1)))


def _summed(scores: Scores, of: Callable[[Array], Array]) -> tuple[float, int]:
    total, count = 0.0, 0
    for part in _there(scores):
        total += float(of(part).sum(dtype=np.float64))
        count += part.size
    return total, count


def _there(scores: Scores) -> Iterator[Array]:
    """The scores of units that are not gone, in canonical order and double precision: alike in both frameworks."""
    for part, _ in scores.stretches(_STRETCH, canonical=True):
        flat = np.ascontiguousarray(part, np.float64).reshape(-1)
        there = flat > -np.inf
        yield flat if there.all() else flat[there]
