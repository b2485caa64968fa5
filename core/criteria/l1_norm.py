"""L1 norm of a filter, or of another part of a layer."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import PARTS, UNITS, Criterion, Fold
from core.criteria._signals import Signals


class L1Norm(Criterion):
    """Σ |w| over the unit's weights."""

    name = "l1_norm"
    title = "L1 norm"
    reference = "Li et al. 2017, Pruning Filters for Efficient ConvNets, arXiv:1608.08710"
    formula = "Σ |w| over the unit's weights"
    structures = (*PARTS, *UNITS)

    def pooled(self, signals: Signals, rng: np.random.Generator, fold: Fold) -> Floats:
        return fold.sum(np.abs(signals.weight))
