"""Large weights are pulled towards zero the most."""

import numpy as np

from core.backends._base import Floats
from core.penalties._base import Penalty


class L2(Penalty):
    r""":math:`\lambda \sum w^2` over kernels; gradient :math:`2 \lambda w`."""

    name = "l2"
    title = "L2"
    formula = "λ Σ w²"
    reference = "Han et al. 2015, Learning both Weights and Connections, arXiv:1506.02626, section 3.1"
    note = "Large weights shrink the most; few become zero, but what is pruned afterwards heals better."

    def value(self, array: Floats) -> float:
        return float(np.square(array, dtype=np.float64).sum())

    def gradient(self, array: Floats) -> Floats:
        return array * np.float32(2)
