"""Network Slimming: the factor of the batch normalisation that follows a channel."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import CHANNEL, Criterion
from core.criteria._signals import Need, Signals


class BnScale(Criterion):
    """|γ| of the batch normalisation behind the channel.

    Meant for networks trained with an L1 penalty on γ. Channels without batch normalisation are not ranked.
    """

    name = "bn_scale"
    title = "BatchNorm scale"
    reference = "Liu et al. 2017, Network Slimming, arXiv:1708.06519, section 3"
    formula = "|γ| of the batch normalisation that follows"
    structures = (CHANNEL, "removable")
    row_needs = frozenset({Need.SCALE})

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.scale is not None  # promised by row_needs
        scores: Floats = np.abs(signals.scale)
        return scores
