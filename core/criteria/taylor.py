"""First-order Taylor: how much the squared loss change is when the weight, or the whole channel, becomes zero."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class Taylor(Criterion):
    """Mean over minibatches of (g w)²; of a channel the mean over minibatches of (Σ g w)².

    The square is taken per minibatch, before the mean, and per channel after the sum: entries of one channel may
    cancel. Neither is the absolute value of the mean. Kernels, columns and blocks are worth the mean of their entries.
    """

    name = "taylor"
    title = "Taylor"
    reference = "Molchanov et al. 2019, Importance Estimation for Neural Network Pruning, arXiv:1906.10771"
    formula = "mean over batches of (∂L/∂w · w)²; channel: mean over batches of (Σ ∂L/∂w · w)²"
    structures = EVERYTHING
    entry_needs = frozenset({Need.SQUARED_GRADIENT})
    row_needs = frozenset({Need.SQUARED_ROW_PRODUCT})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.squared_gradient is not None  # promised by entry_needs
        return signals.squared_gradient * np.square(signals.weight)

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.squared_row_product is not None  # promised by row_needs
        return signals.squared_row_product.copy()
