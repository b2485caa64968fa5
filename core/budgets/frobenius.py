"""Frobenius norm of the weights that are left."""

from math import sqrt

import numpy as np

from core.budgets._base import Measure
from core.budgets._left import Left


class Frobenius(Measure):
    """√(Σ w²) over the prunable weights that stay, of all layers together."""

    name = "frobenius"
    title = "Frobenius norm"
    unit = ""
    note = "The square root of the sum of the squared prunable weights that are left."

    def cost(self, left: Left) -> float:
        return sqrt(sum(float(np.square(part).sum()) for part in left.kernels()))
