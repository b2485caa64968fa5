"""Absolute value: the weight that is closest to zero goes first."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import CHANNEL, UNSTRUCTURED, Criterion, per_row
from core.criteria._signals import Signals


class Magnitude(Criterion):
    """|w|; of a channel the mean |w| over its row."""

    name = "magnitude"
    title = "Magnitude"
    reference = "Han et al. 2015, Learning both Weights and Connections, arXiv:1506.02626"
    formula = "|w|; channel: mean of |w| over its weights"
    structures = (UNSTRUCTURED, CHANNEL)
    entry_key = np.absolute

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        scores: Floats = per_row(np.abs(signals.weight)).mean(axis=1)
        return scores
