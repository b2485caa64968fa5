"""Squared gradient: as the gradient, but batches that disagree do not cancel."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class SquaredGradient(Criterion):
    """Mean over batches of g²; of a larger unit the mean of that over its weights."""

    name = "squared_gradient"
    title = "Squared gradient"
    reference = (
        "Molchanov et al. 2019, Importance Estimation for Neural Network Pruning, arXiv:1906.10771 "
        "(Taylor with the weights left out)"
    )
    formula = "mean over batches of (∂L/∂w)²; larger units: mean of that over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.SQUARED_GRADIENT})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.squared_gradient is not None  # promised by entry_needs
        return signals.squared_gradient.copy()
