"""Mean activation: a channel that says little goes first."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import UNITS, Criterion
from core.criteria._signals import Need, Signals


class ActivationMean(Criterion):
    """Mean over samples and positions of |activation|: behind a ReLU simply its mean."""

    name = "activation_mean"
    title = "Mean activation"
    reference = "Molchanov et al. 2017, arXiv:1611.06440, section 2.2 (activation)"
    formula = "mean over samples and positions of |activation|"
    structures = UNITS
    row_needs = frozenset({Need.ACTIVATION_MEAN})

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.activation_mean is not None  # promised by row_needs
        return signals.activation_mean.copy()
