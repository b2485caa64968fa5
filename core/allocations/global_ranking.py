"""One threshold for all pools together."""

from collections.abc import Sequence

import numpy as np

from core.allocations._base import Allocation, Claim, Quota
from core.scores import Array, Scores
from core.selection import counts_together


class GlobalRanking(Allocation):
    """The lowest scores of the whole network go.

    The total over all claims is the quota of their joint size; what held pools lose is taken off, the free pools
    share the rest by rank. A pool that reached its bound is passed over and the next scores elsewhere go instead.
    """

    name = "global"
    title = "Global"
    note = "All layers compete: one threshold for the whole network."
    reference = "Han et al. 2015, arXiv:1506.02626; torch.nn.utils.prune.global_unstructured"

    def counts(self, claims: Sequence[Claim], amount: float, quota: Quota) -> list[int]:
        free = [claim for claim in claims if claim.held is None]
        total = quota(sum(claim.size for claim in claims), amount) - sum(claim.held or 0 for claim in claims)
        total = min(max(total, sum(claim.least for claim in free)), sum(claim.most for claim in free))
        found = iter(counts_together([_bounded(claim) for claim in free], total) if free else ())
        return [next(found) if claim.held is None else claim.held for claim in claims]


def _bounded(claim: Claim) -> Scores | Array:
    """The scores with the units that must stay put out of reach: the highest, of equal ones the last."""
    if claim.most >= claim.size:
        return claim.scores
    scores = claim.scores.whole().copy() if isinstance(claim.scores, Scores) else claim.scores.copy()
    scores[np.argsort(scores, kind="stable")[claim.most :]] = np.inf
    return scores
