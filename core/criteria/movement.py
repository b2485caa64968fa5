"""Movement: weights that fine-tuning drives towards zero go first, whatever their size."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class Movement(Criterion):
    """- Σ g w over the steps of training; of a larger unit the mean of that over its weights. Signed.

    Before a run one pass of its optimiser over the calibration samples stands in for the training; in a run it is
    the training so far. Entries that are masked keep moving: a mask chosen later may bring them back.
    """

    name = "movement"
    title = "Movement"
    reference = "Sanh et al. 2020, Movement Pruning, arXiv:2005.07683, eq. 3"
    formula = "- Σ over steps of ∂L/∂w · w; larger units: mean over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.MOVEMENT})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.movement is not None  # promised by entry_needs
        return signals.movement.copy()
