"""Two criteria side by side: where they agree on what a unit is worth, and what each would keep."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.criteria._seeding import generator

Array = NDArray[np.float64]

#: Points of a picture, of all pools together.
POINTS = 2_000


@dataclass(frozen=True)
class Overlap:
    """How many units two decisions take from one pool."""

    size: int
    both: int
    only_a: int
    only_b: int

    @property
    def neither(self) -> int:
        """Units that both keep."""
        return self.size - self.both - self.only_a - self.only_b

    def __add__(self, other: "Overlap") -> "Overlap":
        return Overlap(
            self.size + other.size, self.both + other.both, self.only_a + other.only_a, self.only_b + other.only_b
        )


def overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Overlap:
    """Exact counts from the flags of what goes under either."""
    return Overlap(a.size, int(np.sum(a & b)), int(np.sum(a & ~b)), int(np.sum(b & ~a)))


def ranks(scores: NDArray[np.floating]) -> Array:
    """Places from 1 in ascending order; equal scores share the mean of their places."""
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[group.reshape(-1)], np.float64)


def correlation(a: Array, b: Array) -> float | None:
    """Pearson's coefficient; of ranks that is Spearman's. None where one side does not vary, or of fewer than two."""
    if a.size < 2:
        return None
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return max(-1.0, min(1.0, float(np.dot(a, b)) / scale)) if scale > 0 else None


def sampled(sizes: Mapping[str, int], seed: int, points: int = POINTS) -> dict[str, NDArray[np.int64]]:
    """By pool the units that a picture shows, ascending: all of few, of many a share, at least one of each pool.

    No more than ``points`` together, unless there are more pools than that; the same for the same seed.
    """
    total = sum(sizes.values())
    found = {}
    for name, size in sizes.items():
        count = size if total <= points else min(size, max(1, (points - len(sizes)) * size // total))
        found[name] = np.sort(generator(seed, name).permutation(size)[:count])
    return found
