"""One threshold on scores that say what a weight is of what would remain of its layer."""

import numpy as np

from core.allocations._base import Claim
from core.allocations.global_ranking import Ranking
from core.scores import Scores


class Lamp(Ranking):
    """score(u) = w_u² / Σ w_v² over all v of the layer that are not smaller, then one threshold.

    The largest weight of every layer scores 1, so no layer empties before all the others have. With another criterion
    its score takes the place of |w|; scores below zero are first shifted up so that the lowest is 0.
    """

    name = "lamp"
    title = "LAMP"
    note = "All layers compete by what a weight is of what would remain of its layer: none empties first."
    reference = "Lee et al. 2021, Layer-adaptive Sparsity for the Magnitude-based Pruning, arXiv:2010.07611"

    def ranked(self, claim: Claim) -> Scores:
        """In ascending order."""
        scores = np.sort(claim.worth.whole()).astype(np.float64)
        there = scores[np.searchsorted(scores, -np.inf, side="right") :]  # a view: those not gone
        if there.size and there[0] < 0:
            there -= there[0]
        squares = np.square(there)
        not_smaller = np.cumsum(squares[::-1])[::-1]
        np.divide(squares, not_smaller, out=there, where=not_smaller > 0)
        there[-1:] = 1.0
        return Scores(scores)
