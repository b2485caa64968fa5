"""Frobenius norm of the weights that are left."""

from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from core.backends._base import Floats, LoadedModel
from core.budgets._base import Measure
from core.budgets._left import kernels
from core.decisions import Decision
from core.graph import Graph

if TYPE_CHECKING:
    from core.datasets import Parts


class Frobenius(Measure):
    """√(Σ w²) over the prunable weights that stay, of all layers together."""

    name = "frobenius"
    title = "Frobenius norm"
    unit = ""
    note = "The square root of the sum of the squared prunable weights that are left."

    def cost(
        self,
        model: LoadedModel,
        graph: Graph,
        arrays: Mapping[str, Floats],
        decision: Decision,
        parts: "Parts | None",
    ) -> float:
        return sqrt(sum(float(np.square(part).sum()) for part in kernels(graph, arrays, decision)))
