"""Gradient signal preservation: what goes is what hinders the gradient's flow."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class Grasp(Criterion):
    """w ⊙ H g; of a larger unit the mean of that over its weights. Signed: no absolute value is taken.

    The paper scores S = -w ⊙ H g and removes the *largest*; here the lowest go, so the sign is turned. g is the mean
    gradient over all batches, H g exact, both with the logits divided by 200.
    """

    name = "grasp"
    title = "GraSP"
    reference = "Wang et al. 2020, Picking Winning Tickets by Preserving Gradient Flow, arXiv:2002.07376, section 4"
    formula = "w ⊙ H g, logits / 200 (S = -w ⊙ H g, largest removed); larger units: mean over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.HESSIAN_GRADIENT})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.hessian_gradient is not None  # promised by entry_needs
        return signals.weight * signals.hessian_gradient
