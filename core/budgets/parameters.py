"""Parameters that are left."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.backends._base import Floats, LoadedModel
from core.budgets._base import Measure
from core.budgets._left import entries
from core.decisions import Decision
from core.graph import Graph
from core.measures.size import trained

if TYPE_CHECKING:
    from core.datasets import Parts


class Parameters(Measure):
    """Entries of everything trained (kernels, biases, normalisation) that are neither cut away nor masked."""

    name = "parameters"
    title = "Parameters"
    unit = "parameters"
    note = "Trained values that are left: not cut away, not masked. Biases and normalisation count."

    def cost(
        self,
        model: LoadedModel,
        graph: Graph,
        arrays: Mapping[str, Floats],
        decision: Decision,
        parts: "Parts | None",
    ) -> float:
        left = entries(graph, decision)
        return float(sum(left[name] for name in trained(left)))
