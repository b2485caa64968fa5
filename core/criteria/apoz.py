"""Average percentage of zeros: a channel that is mostly silent goes first."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import CHANNEL, Criterion
from core.criteria._signals import Need, Signals


class Apoz(Criterion):
    """1 - APoZ, APoZ the share of samples and positions at which the channel's activation is exactly zero.

    Only channels behind a ReLU are ranked: no other activation is exactly zero.
    """

    name = "apoz"
    title = "Zeros among activations (APoZ)"
    reference = "Hu et al. 2016, Network Trimming, arXiv:1607.03250, eq. 1"
    formula = "1 - share of zeros among the channel's activations after ReLU"
    structures = (CHANNEL, "removable")
    row_needs = frozenset({Need.ZERO_SHARE})

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.zero_share is not None  # promised by row_needs
        scores: Floats = np.float32(1) - signals.zero_share
        return scores
