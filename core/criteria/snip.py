"""Connection sensitivity: what the loss feels of each connection, before any training."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class Snip(Criterion):
    """|g w| with g the gradient over all calibration batches; of a larger unit the mean of that over its weights.

    g w is ∂L/∂c at c = 1, c a gate on the connection. The paper divides by the sum over the whole network; it is
    the same for all, so the order stands without it. Meant for newly initialised networks.
    """

    name = "snip"
    title = "SNIP"
    reference = "Lee et al. 2019, SNIP: Single-shot Network Pruning, arXiv:1810.02340, section 4.1"
    formula = "|∂L/∂w · w| (/ Σ |∂L/∂w · w|, one number for all); larger units: mean over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.GRADIENT})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.gradient is not None  # promised by entry_needs
        scores: Floats = np.abs(signals.gradient * signals.weight)
        return scores
