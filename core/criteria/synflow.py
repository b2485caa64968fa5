"""Synaptic flow: how much of a signal of ones passes through each weight, without any data."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion
from core.criteria._signals import Need, Signals


class Synflow(Criterion):
    """|∂R/∂w ⊙ w| of the network of absolute values on ones; of a larger unit the mean of that over its weights.

    Scores are taken anew under the masks after each of 100 rounds. In one round alone whole layers vanish
    (Tanaka et al., section 5): what a wide layer's weights carry is spread thin.
    """

    name = "synflow"
    title = "SynFlow"
    reference = "Tanaka et al. 2020, Pruning neural networks without any data, arXiv:2006.05467, algorithm 1"
    formula = "|∂R/∂w ⊙ w|, R = 1ᵀ (Π |W|) 1, taken anew in each of 100 rounds; larger units: mean over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.FLOW})
    rounds = 100

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.flow is not None  # promised by entry_needs
        return signals.flow.copy()
