"""Thresholds in multiples of each layer's standard deviation."""

from collections.abc import Sequence
from dataclasses import replace

from core.allocations._base import Claim, Quota
from core.allocations._moments import deviation
from core.allocations.global_ranking import Ranking
from core.plan import Sharing
from core.scores import Scores


class Deviations(Ranking):
    """What is below q times the standard deviation of the layer's weights goes, with one q for all layers.

    Given q, the sparsity is what comes of it. Otherwise q is found so that the amount is met exactly: that is one
    threshold on score / deviation. With another criterion than magnitude the deviation is that of its scores.
    """

    name = "deviations"
    title = "Multiples of the deviation"
    note = "Each layer's threshold is the same multiple of the standard deviation of its weights."
    reference = "Han et al. 2015, Learning both Weights and Connections, arXiv:1506.02626"
    settings = ("deviations", "drawn")

    def follows(self, sharing: Sharing) -> bool:
        return sharing.deviations is None

    def ranked(self, claim: Claim) -> Scores:
        return replace(claim.worth, factor=claim.worth.factor / (deviation(claim.worth) or 1.0))

    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        times = sharing.deviations
        if times is None:
            return super().counts(claims, amount, quota, sharing)
        return [
            claim.within(claim.worth.below(times * deviation(claim.worth))) if claim.held is None else claim.held
            for claim in claims
        ]
