"""One threshold for all pools together."""

from collections.abc import Sequence

import numpy as np

from core.allocations._base import Allocation, Claim, Quota, free, joined, left
from core.plan import Sharing
from core.scores import Array, Scores
from core.selection import counts_together


class Ranking(Allocation):
    """The lowest scores of the whole network go, as :meth:`ranked` has them.

    The total over all claims is the quota of their joint size; what held pools lose is taken off, the free pools
    share the rest by rank. A pool that reached its bound is passed over and the next scores elsewhere go instead.
    """

    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        return joined(claims, self.shared(free(claims), left(claims, amount, quota)))

    def shared(self, claims: Sequence[Claim], total: int) -> list[int]:
        """How the claims, all free, lose ``total`` units together."""
        return counts_together([_bounded(claim, self.ranked(claim)) for claim in claims], total) if claims else []


class GlobalRanking(Ranking):
    """Scores are compared as the structure has them."""

    name = "global"
    title = "Global"
    note = "All layers compete: one threshold for the whole network."
    reference = "Han et al. 2015, arXiv:1506.02626; torch.nn.utils.prune.global_unstructured"


def _bounded(claim: Claim, ranked: Scores) -> Scores | Array:
    """The scores with the units that must stay put out of reach: the highest, of equal ones the last."""
    if claim.most >= claim.size:
        return ranked
    scores = ranked.whole().copy()
    scores[np.argsort(scores, kind="stable")[claim.most :]] = np.inf
    return scores
