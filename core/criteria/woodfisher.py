"""WoodFisher on the diagonal: Optimal Brain Surgeon's saliency with a damped Fisher matrix."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class WoodFisher(Criterion):
    """w² / (2 [F⁻¹]_qq) with F = diag(1/N Σ g²) + λ, that is ½ w² (F_qq + λ).

    The damping λ = 1e-5, the paper's, lets weights without any gradient be told apart by their magnitude.
    A larger unit is worth the mean over its weights.
    """

    name = "woodfisher"
    title = "WoodFisher (diagonal)"
    reference = "Singh & Alistarh 2020, WoodFisher, arXiv:2004.14340, section 3"
    formula = "½ w² (F_qq + λ), λ = 1e-5; larger units: mean over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.FISHER})

    #: Added to the diagonal.
    damping = 1e-5

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.fisher is not None  # promised by entry_needs
        scores: Floats = np.float32(0.5) * (signals.fisher + np.float32(self.damping)) * np.square(signals.weight)
        return scores
