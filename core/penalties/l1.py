"""Every weight is pulled towards zero with the same force."""

import numpy as np

from core.backends._base import Floats
from core.penalties._base import Penalty


class L1(Penalty):
    r""":math:`\lambda \sum |w|` over kernels; sub-gradient :math:`\lambda \, sign(w)`."""

    name = "l1"
    title = "L1"
    formula = "λ Σ |w|"
    reference = "Tibshirani 1996, Regression shrinkage and selection via the lasso; Han et al. 2015, arXiv:1506.02626"
    note = "Small weights are driven to zero, large ones hardly notice: the histogram grows a peak at 0."

    def value(self, array: Floats) -> float:
        return float(np.abs(array).sum(dtype=np.float64))

    def gradient(self, array: Floats) -> Floats:
        return np.sign(array)
