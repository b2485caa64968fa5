"""What a person fixed, layer by layer, and nothing else."""

from collections.abc import Sequence

from core.allocations._base import Allocation, Claim, Quota
from core.plan import Sharing


class Thresholds(Allocation):
    """Held pools lose what they hold, the others nothing more than is gone already; the amount is ignored."""

    name = "thresholds"
    title = "Thresholds per layer"
    note = "Only the layers whose threshold you set lose weights; the global amount is ignored."
    reference = "Han et al. 2015, Learning both Weights and Connections, arXiv:1506.02626"
    follows_amount = False

    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        return [claim.least if claim.held is None else claim.held for claim in claims]
