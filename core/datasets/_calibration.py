"""The fixed samples that importance is measured on."""

from collections.abc import Iterator

import numpy as np

from core.datasets._base import Floats, Labels, Parts


def calibration(parts: Parts, batches: int, size: int, seed: int) -> Iterator[tuple[Floats, Labels]]:
    """Up to ``batches`` batches of ``size`` training samples, drawn without replacement, the same for the same seed.

    A small training part gives fewer batches, the last one perhaps smaller.
    """
    order = np.random.default_rng(seed).permutation(len(parts.y_train))[: batches * size]
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        yield parts.x_train[chosen], parts.y_train[chosen]
