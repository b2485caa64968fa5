"""L2 norm of a filter."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import CHANNEL, Criterion, per_row
from core.criteria._signals import Signals


class L2Norm(Criterion):
    """√(Σ w²) over the channel's weights."""

    name = "l2_norm"
    title = "L2 norm"
    reference = "He et al. 2018, Soft Filter Pruning, arXiv:1808.06866"
    formula = "channel: √(Σ w²) over its weights"
    structures = (CHANNEL,)

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        scores: Floats = np.sqrt(per_row(np.square(signals.weight)).sum(axis=1))
        return scores
