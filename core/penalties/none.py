"""Plain training."""

import numpy as np

from core.backends._base import Floats
from core.graph import Graph
from core.penalties._base import Penalty


class NoPenalty(Penalty):
    """Nothing is added."""

    name = "none"
    title = "None"
    formula = "0"
    reference = "the plain loss"
    note = "Weights are only asked to fit the data."
    settings = ()

    def arrays(self, graph: Graph) -> tuple[str, ...]:
        return ()

    def value(self, array: Floats) -> float:
        return 0.0

    def gradient(self, array: Floats) -> Floats:
        return np.zeros_like(array)
