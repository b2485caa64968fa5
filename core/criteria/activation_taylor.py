"""First-order Taylor on activations: what the loss would do if a feature map were zero."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import UNITS, Criterion
from core.criteria._signals import Need, Signals


class ActivationTaylor(Criterion):
    """Mean over samples of |mean over positions of ∂L/∂z · z|, then divided by the layer's L2 norm.

    z is the channel's activation. The norm over all channels of the layer makes layers comparable (section 2.2 of
    the paper).
    """

    name = "activation_taylor"
    title = "Taylor on activations"
    reference = "Molchanov et al. 2017, Pruning Convolutional Neural Networks, arXiv:1611.06440, section 2.2"
    formula = "Θ = mean over samples of |1/M Σ ∂L/∂z · z|; Θ / √(Σ Θ²) over the layer"
    structures = UNITS
    row_needs = frozenset({Need.ACTIVATION_TAYLOR})

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.activation_taylor is not None  # promised by row_needs
        norm = np.sqrt(np.sum(np.square(signals.activation_taylor, dtype=np.float64)))
        scores: Floats = signals.activation_taylor / np.float32(norm if norm > 0 else 1)
        return scores
