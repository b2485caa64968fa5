"""What is worth less than the average goes."""

from collections.abc import Sequence

from core.allocations import _moments
from core.allocations._base import Allocation, Claim, Quota
from core.plan import Sharing


class Mean(Allocation):
    """Each pool loses the units whose score lies below the mean of those still there; the amount is ignored."""

    name = "mean"
    title = "Below the average"
    note = "Every layer loses what is worth less than its average; the global amount is ignored."
    reference = "The mean as threshold; thresholds by layer as in Han et al. 2015, arXiv:1506.02626"
    follows_amount = False

    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        return [
            claim.within(claim.worth.below(_moments.mean(claim.worth))) if claim.held is None else claim.held
            for claim in claims
        ]
