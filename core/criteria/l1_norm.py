"""L1 norm of a filter."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import CHANNEL, Criterion, per_row
from core.criteria._signals import Signals


class L1Norm(Criterion):
    """Σ |w| over the channel's weights."""

    name = "l1_norm"
    title = "L1 norm"
    reference = "Li et al. 2017, Pruning Filters for Efficient ConvNets, arXiv:1608.08710"
    formula = "channel: Σ |w| over its weights"
    structures = (CHANNEL,)

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        scores: Floats = per_row(np.abs(signals.weight)).sum(axis=1)
        return scores
