"""Optimal Brain Damage: the second-order change of the loss, off-diagonal terms left out."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class Obd(Criterion):
    """½ max(H_qq, 0) w²; of a larger unit the mean of that over its weights.

    The paper assumes a minimum, where no H_qq is negative; elsewhere, and where the estimate (Hutchinson's) falls
    below zero, it counts as zero: removing such a weight would not raise the loss.
    """

    name = "obd"
    title = "Optimal Brain Damage"
    reference = "LeCun et al. 1990, Optimal Brain Damage, NIPS 2"
    formula = "½ max(H_qq, 0) w², H_qq as for hessian; larger units: mean over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.HESSIAN_DIAGONAL})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.hessian_diagonal is not None  # promised by entry_needs
        scores: Floats = np.float32(0.5) * np.maximum(signals.hessian_diagonal, 0) * np.square(signals.weight)
        return scores
