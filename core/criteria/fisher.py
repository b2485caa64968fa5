"""Diagonal of the empirical Fisher information, from the gradients of single samples."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class Fisher(Criterion):
    """½ F w², F the mean over samples of the squared gradient of the sample's own loss.

    Of channels, heads and hidden units the paper's form on feature maps: half the mean over samples of
    (Σ over positions of a ∂ℓ/∂a)². Gradients of a whole batch would cancel between samples.
    """

    name = "fisher"
    title = "Fisher"
    reference = "Theis et al. 2018, Faster gaze prediction with dense networks and Fisher pruning, arXiv:1801.05787"
    formula = "½ F w², F = 1/N Σ (∂ℓ/∂w)² over samples; channel: 1/(2N) Σ (Σ a ∂ℓ/∂a)²"
    structures = EVERYTHING
    entry_needs = frozenset({Need.FISHER})
    row_needs = frozenset({Need.ACTIVATION_FISHER})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.fisher is not None  # promised by entry_needs
        scores: Floats = np.float32(0.5) * signals.fisher * np.square(signals.weight)
        return scores

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.activation_fisher is not None  # promised by row_needs
        scores: Floats = np.float32(0.5) * signals.activation_fisher
        return scores
