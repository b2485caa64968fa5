"""The Hessian's diagonal by Hutchinson's estimate, and its trace over a unit."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion, Fold
from core.criteria._signals import Need, Signals


class Hessian(Criterion):
    """|½ H_qq w²|; of a larger unit |Tr(H_u) / (2 n)| ‖w_u‖².

    H_qq is the mean over random vectors z of ±1 of z ⊙ H z: 8 for every batch, drawn by the plan's seed. Away from a
    minimum it can be negative: the absolute value counts, since going up or down by much is a change either way.
    """

    name = "hessian"
    title = "Hessian (Hutchinson)"
    reference = (
        "Yao et al. 2021, Hessian-Aware Pruning and Optimal Neural Implant, arXiv:2101.08940; "
        "Bekas et al. 2007, An estimator for the diagonal of a matrix"
    )
    formula = "|½ H_qq w²|, H_qq = mean of z ⊙ H z, 8 random z of ±1 a batch; larger units: |Tr(H_u)| / (2 n) · ‖w_u‖²"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.HESSIAN_DIAGONAL})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        assert signals.hessian_diagonal is not None  # promised by entry_needs
        scores: Floats = np.abs(np.float32(0.5) * signals.hessian_diagonal * np.square(signals.weight))
        return scores

    def pooled(self, signals: Signals, rng: np.random.Generator, fold: Fold) -> Floats:
        assert signals.hessian_diagonal is not None  # promised by entry_needs
        trace = np.abs(fold.mean(signals.hessian_diagonal))
        scores: Floats = np.asarray(0.5 * trace * fold.sum(np.square(signals.weight)), np.float32)
        return scores
