"""The fixed samples that importance is measured on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Batch
from core.datasets._base import Parts, Targets
from core.inputs import Inputs

#: Samples whose loss is looked at, at least as far as there are so many, before some are drawn by it.
CANDIDATES = 4096


def calibration(parts: Parts, batches: int, size: int, seed: int) -> Iterator[tuple[Inputs, Targets]]:
    """Up to ``batches`` batches of ``size`` training samples, drawn without replacement, the same for the same seed.

    A small training part gives fewer batches, the last one perhaps smaller.
    """
    order = np.random.default_rng(seed).permutation(len(parts.y_train))[: batches * size]
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        yield parts.x_train[chosen], parts.y_train[chosen]


def candidates(parts: Parts, batches: int, size: int, seed: int) -> NDArray[np.int64]:
    """Indices of the training samples that :func:`drawn_by_loss` may draw from: 4096, or four times what it draws."""
    most = max(CANDIDATES, 4 * batches * size)
    return np.random.default_rng(seed).permutation(len(parts.y_train))[:most]


def drawn_by_loss(
    parts: Parts, among: NDArray[np.int64], losses: NDArray[Any], batches: int, size: int, seed: int
) -> Iterator[Batch]:
    """As many samples as :func:`calibration` takes, drawn with replacement by their loss and weighted back.

    A sample is drawn with p in proportion to its loss plus the mean loss, so that none is left out, and weighs
    1 / (N p): the mean over the draws of anything is, on average, its mean over all candidates
    (importance sampling; Katharopoulos & Fleuret 2018, arXiv:1803.00942, eq. 3).

    Args:
        parts: Data.
        among: From :func:`candidates`.
        losses: The network's loss for each of them, finite, at least 0.
        batches: How many, at most.
        size: Samples in each.
        seed: Of the draws.
    """
    raised = np.asarray(losses, np.float64) + np.mean(losses)
    chances = raised / raised.sum() if raised.sum() > 0 else np.full(len(among), 1 / max(1, len(among)))
    count = min(batches * size, len(parts.y_train))
    drawn = np.random.default_rng([seed, 1]).choice(len(among), count, p=chances)
    weights = (1 / (len(among) * chances[drawn])).astype(np.float32)
    for start in range(0, count, size):
        part = slice(start, start + size)
        chosen = among[drawn[part]]
        yield Batch(parts.x_train[chosen], parts.y_train[chosen], weights[part])
