"""One threshold for each class of pools that are built alike."""

from collections.abc import Sequence

from core.allocations._base import Claim, Quota, apportioned, free, joined, left
from core.allocations.global_ranking import Ranking
from core.plan import Sharing


class Isomorphic(Ranking):
    """Pools compete only with those of the same structure; every class loses the same share.

    Two pools are alike when the same kinds of operations make and read their units in the same roles: the residual
    sums of one stage, the inner layers of bottlenecks, queries.
    """

    name = "isomorphic"
    title = "Among layers built alike"
    note = "Layers compete only with layers of the same structure; each class loses the same share."
    reference = "Fang et al. 2024, Isomorphic Pruning for Vision Models, arXiv:2407.04616"
    needs_kin = True

    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        open_claims, total = free(claims), left(claims, amount, quota)
        classes: dict[str, list[Claim]] = {}
        for claim in open_claims:
            classes.setdefault(claim.kin, []).append(claim)
        sizes = [sum(claim.size for claim in members) for members in classes.values()]
        share = total / max(1, sum(sizes))
        limits = [(sum(c.least for c in members), sum(c.most for c in members)) for members in classes.values()]
        totals = apportioned([share * size for size in sizes], limits, total)
        found: dict[str, int] = {}
        for members, count in zip(classes.values(), totals, strict=True):
            found |= zip((claim.name for claim in members), self.shared(members, count), strict=True)
        return joined(claims, (found[claim.name] for claim in open_claims))
