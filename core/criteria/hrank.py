"""HRank: a channel whose feature maps are of low rank holds little information."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import CHANNEL, Criterion
from core.criteria._signals import Need, Signals


class Hrank(Criterion):
    """Mean over samples of the matrix rank of the channel's feature map.

    The rank is that of ``numpy.linalg.matrix_rank``: singular values above eps x the largest x the longer side.
    Only layers that make pictures are ranked. The paper uses 500 pictures, the default calibration has 512.
    """

    name = "hrank"
    title = "Rank of feature maps (HRank)"
    reference = "Lin et al. 2020, HRank, arXiv:2002.10179"
    formula = "mean over samples of rank(feature map)"
    structures = (CHANNEL, "removable")
    row_needs = frozenset({Need.RANK})

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.rank is not None  # promised by row_needs
        return signals.rank.copy()
