"""Chance: the control that every other criterion must beat."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion, Fold
from core.criteria._signals import Signals


class Random(Criterion):
    """Uniform in [0, 1) from the plan's seed; the same in both frameworks."""

    name = "random"
    title = "Random"
    reference = "Control; see Blalock et al. 2020, What is the State of Neural Network Pruning?, arXiv:2003.03033"
    formula = "uniform in [0, 1), seeded"
    structures = EVERYTHING

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        return rng.random(signals.weight.shape, dtype=np.float32)

    def pooled(self, signals: Signals, rng: np.random.Generator, fold: Fold) -> Floats:
        return rng.random(fold.sum(signals.weight).shape, dtype=np.float32)

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        return rng.random(signals.weight.shape[:1], dtype=np.float32)
