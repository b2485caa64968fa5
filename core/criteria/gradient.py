"""Absolute gradient: the weight whose change would change the loss least goes first."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class Gradient(Criterion):
    """|mean over batches of g|; of a larger unit the mean of that over its weights."""

    name = "gradient"
    title = "Gradient"
    reference = "Intel Neural Compressor, criterion `gradient`"
    formula = "|mean over batches of ∂L/∂w|; larger units: mean of that over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.GRADIENT})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.gradient is not None  # promised by entry_needs
        scores: Floats = np.abs(signals.gradient)
        return scores
