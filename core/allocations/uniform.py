"""The same share of every pool."""

from collections.abc import Sequence

from core.allocations._base import Allocation, Claim, Quota
from core.plan import Sharing


class Uniform(Allocation):
    """Every free pool loses the quota of its own size; held pools what they hold."""

    name = "uniform"
    title = "Uniform"
    note = "Every layer loses the same share of itself."
    reference = "torch.nn.utils.prune.l1_unstructured, layer by layer"

    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        return [claim.within(quota(claim.size, amount)) if claim.held is None else claim.held for claim in claims]
