"""Sum of the absolute weights that are left."""

import numpy as np

from core.budgets._base import Measure
from core.budgets._left import Left


class L1Norm(Measure):
    """Σ |w| over the prunable weights that stay."""

    name = "l1_norm"
    title = "Sum of |w|"
    unit = ""
    note = "The sum of the absolute prunable weights that are left."

    def cost(self, left: Left) -> float:
        return float(sum(float(np.abs(part).sum()) for part in left.kernels()))
