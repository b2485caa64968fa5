"""Sum of the absolute weights that are left."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.backends._base import Floats, LoadedModel
from core.budgets._base import Measure
from core.budgets._left import kernels
from core.decisions import Decision
from core.graph import Graph

if TYPE_CHECKING:
    from core.datasets import Parts


class L1Norm(Measure):
    """Σ |w| over the prunable weights that stay."""

    name = "l1_norm"
    title = "Sum of |w|"
    unit = ""
    note = "The sum of the absolute prunable weights that are left."

    def cost(
        self,
        model: LoadedModel,
        graph: Graph,
        arrays: Mapping[str, Floats],
        decision: Decision,
        parts: "Parts | None",
    ) -> float:
        return float(sum(float(np.abs(part).sum()) for part in kernels(graph, arrays, decision)))
