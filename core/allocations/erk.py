"""Densities by the shape of a layer: Erdős-Rényi-Kernel."""

from collections.abc import Sequence
from math import prod

from core.allocations._base import Allocation, Claim, Quota, apportioned, bounds, free, joined, left
from core.plan import Sharing


class ErdosRenyiKernel(Allocation):
    """density = ε ((n_in + n_out + k_h + k_w) / (n_in n_out k_h k_w)) ^ power, with ε so that the amount is met.

    While a density is above 1, the layers with the largest ratio stay whole and ε is solved anew for the others.
    """

    name = "erk"
    title = "Erdős-Rényi-Kernel"
    note = "Layers are thinned by their shape: the larger a layer, the sparser it gets."
    reference = "Evci et al. 2020, Rigging the Lottery, arXiv:1911.11134; rigl/sparse_utils.py"
    settings = ("power", "drawn")

    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        open_claims, total = free(claims), left(claims, amount, quota)
        kept = sum(claim.size for claim in open_claims) - total
        sizes = [claim.size for claim in open_claims]
        densities = densities_of([_ratio(claim) ** sharing.power for claim in open_claims], sizes, kept)
        wanted = [size * (1 - density) for size, density in zip(sizes, densities, strict=True)]
        return joined(claims, apportioned(wanted, bounds(open_claims), total))


def densities_of(ratios: Sequence[float], sizes: Sequence[int], kept: float) -> list[float]:
    """Density of each layer, at most 1, in proportion to ``ratios`` where it is below; ``kept`` units in all."""
    whole: set[int] = set()
    while len(whole) < len(sizes):
        others = [index for index in range(len(sizes)) if index not in whole]
        factor = (kept - sum(sizes[i] for i in whole)) / sum(ratios[i] * sizes[i] for i in others)
        largest = max(ratios[i] for i in others)
        if largest * factor <= 1:
            return [1.0 if i in whole else factor * ratios[i] for i in range(len(sizes))]
        whole |= {i for i in others if ratios[i] == largest}
    return [1.0] * len(sizes)


def _ratio(claim: Claim) -> float:
    shape = claim.shape or (claim.size,)
    return sum(shape) / prod(shape)
