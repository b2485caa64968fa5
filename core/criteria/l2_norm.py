"""L2 norm of a filter, or of another part of a layer."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import PARTS, UNITS, Criterion, Fold
from core.criteria._signals import Signals


class L2Norm(Criterion):
    """√(Σ w²) over the unit's weights."""

    name = "l2_norm"
    title = "L2 norm"
    reference = "He et al. 2018, Soft Filter Pruning, arXiv:1808.06866"
    formula = "√(Σ w²) over the unit's weights"
    structures = (*PARTS, *UNITS)

    def pooled(self, signals: Signals, rng: np.random.Generator, fold: Fold) -> Floats:
        scores: Floats = np.sqrt(fold.sum(np.square(signals.weight)))
        return scores
