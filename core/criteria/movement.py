"""Movement: weights that fine-tuning drives towards zero go first, whatever their size."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, UNITS, Criterion
from core.criteria._places import uses
from core.criteria._signals import Need, Signals
from core.graph import Graph


class Movement(Criterion):
    """- Σ g w over the steps of training; of a larger unit the mean of that over its weights. Signed.

    Before a run one pass of its optimiser over the calibration samples stands in for the training; in a run it is
    the training since the first pruning step, or, before any, the preparation. Entries that are masked stand still.

    Rows in front of a batch normalisation are not ranked: what normalises them makes them the same at any length, so
    g has no part along w, and Σ g w over the row is zero but for rounding. A depthwise kernel is such a row, too.
    """

    name = "movement"
    title = "Movement"
    reference = "Sanh et al. 2020, Movement Pruning, arXiv:2005.07683, eq. 3"
    formula = "- Σ over steps of ∂L/∂w · w; larger units: mean over their weights"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.MOVEMENT})

    def silent(self, graph: Graph, weight: str, structure: str) -> str:
        alone = structure == "kernel" and graph.arrays[weight][1] == 1
        rows = structure in UNITS or structure == "row" or alone
        normalised = rows and any(use.normalised for use in uses(graph).get(weight, ()))
        return "batch normalisation follows, so the movement of its whole rows is zero" if normalised else ""

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.movement is not None  # promised by entry_needs
        return signals.movement.copy()
