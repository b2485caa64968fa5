"""Network Slimming: the factors of batch normalisation are pulled towards zero."""

import numpy as np

from core.backends._base import Floats
from core.graph import Graph
from core.penalties._base import Penalty, scales


class BatchNormScale(Penalty):
    r""":math:`\lambda \sum |\gamma|` over the scales of batch normalisations; sub-gradient
    :math:`\lambda \, sign(\gamma)`."""

    name = "bn_scale"
    title = "BatchNorm scale"
    formula = "λ Σ |γ|"
    reference = "Liu et al. 2017, Network Slimming, arXiv:1708.06519, eq. 1 (λ from 1e-5 to 1e-4)"
    note = "Channels that are not needed get a scale near 0; prune them by the criterion bn_scale."

    def arrays(self, graph: Graph) -> tuple[str, ...]:
        return scales(graph)

    def value(self, array: Floats) -> float:
        return float(np.abs(array).sum(dtype=np.float64))

    def gradient(self, array: Floats) -> Floats:
        return np.sign(array)
