"""Relative contribution: what share of a unit's input a weight carries."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import BLOCKS, GROUPED, UNSTRUCTURED, Criterion, per_row
from core.criteria._signals import Need, Signals


class Contribution(Criterion):
    """|w| E|x| as a share of the sum over the unit's inputs; of a larger unit the mean of that over its weights.

    The unit is the output row; its shares add up to 1, so rows themselves cannot be ranked. A row whose inputs are
    always zero has shares of zero. A recurrent unit's inputs and states are two Weights, each with its own sum.
    """

    name = "contribution"
    title = "Relative contribution"
    reference = (
        "Share of a unit's pre-activation; akin to relative importance in Zhang et al. 2024, Plug-and-Play (RIA), ICLR"
    )
    formula = "|w| E|x| / Σ |w| E|x| over the unit's inputs; larger units: mean over their weights"
    structures = (UNSTRUCTURED, *GROUPED, "kernel", "column", *BLOCKS)
    entry_needs = frozenset({Need.INPUT_MEAN})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.input_mean is not None  # promised by entry_needs
        parts = np.abs(signals.weight) * signals.input_mean
        sums = per_row(parts).sum(axis=1, dtype=np.float64)
        factors = np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0).astype(np.float32)
        scores: Floats = parts * factors.reshape(-1, *(1,) * (parts.ndim - 1))
        return scores
