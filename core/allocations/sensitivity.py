"""Every pool is pruned until it hurts as much as the others."""

from collections.abc import Sequence

import numpy as np

from core.allocations._base import Allocation, Claim, Curve, Quota, apportioned, bounds, free, joined, left
from core.plan import Sharing

#: Halvings of the interval in which the loss increase lies.
_HALVINGS = 60


class Sensitivity(Allocation):
    """Each pool loses the largest share whose measured loss increase stays within Δ, one Δ for all pools.

    Δ is found by bisection so that the amount is met. Between the shares at which the loss was measured it is
    interpolated; where it fell by chance, the highest value before counts. A pool without a curve is taken to answer
    in proportion.
    """

    name = "sensitivity"
    title = "Equal sensitivity"
    note = "Every layer is pruned until the measured loss has risen by the same amount. Measures first."
    reference = "Li et al. 2017, Pruning Filters for Efficient ConvNets, arXiv:1608.08710, section 3.2 (sensitivity)"
    needs_curves = True

    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        open_claims, total = free(claims), left(claims, amount, quota)
        curves = [_rising(claim.curve or ((1.0, 1.0),)) for claim in open_claims]

        def at(increase: float) -> list[int]:
            shares = (_share(shares, rises, increase) for shares, rises in curves)
            return [c.within(int(c.size * share + 1e-9)) for c, share in zip(open_claims, shares, strict=True)]

        low, high = 0.0, max((float(rises[-1]) for _, rises in curves), default=0.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if sum(at(middle)) <= total else (low, middle)
        fewest, most = at(low), at(high)
        if sum(fewest) > total:  # more than that goes without the loss rising at all
            fewest, most = [claim.least for claim in open_claims], fewest
        return joined(claims, _between(fewest, most, open_claims, total))


def _between(fewest: list[int], most: list[int], claims: Sequence[Claim], total: int) -> list[int]:
    """Counts that add up to the total; where the curves are level or end, in proportion to what is left."""
    room = [max(0, high - low) for low, high in zip(fewest, most, strict=True)]
    share = min(1.0, (total - sum(fewest)) / max(1, sum(room)))
    wanted = [low + share * more for low, more in zip(fewest, room, strict=True)]
    return apportioned(wanted, bounds(claims), total)


def _rising(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Shares and loss increases from (0, 0) on, neither ever falling."""
    shares, rises = np.array([(0.0, 0.0), *sorted(curve)], np.float64).T
    finite = np.isfinite(rises)
    rises = np.where(finite, rises, 2 * rises[finite].max() + 1)  # a network that broke: worse than all others
    return shares, np.maximum.accumulate(np.maximum(rises, 0))


def _share(shares: np.ndarray, rises: np.ndarray, increase: float) -> float:
    """The largest share whose increase is no more than that."""
    last = int(np.searchsorted(rises, increase, side="right")) - 1
    if last == len(shares) - 1:
        return float(shares[-1])
    part = (increase - rises[last]) / (rises[last + 1] - rises[last])
    return float(shares[last] + part * (shares[last + 1] - shares[last]))
