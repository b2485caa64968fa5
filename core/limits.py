"""Bounds on what each pool loses, applied after an allocation chose, and what they hold back taken elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.allocations import Claim
from core.plan import Limits
from core.scores import Scores
from core.selection import counts_together
from core.structures import Structure


@dataclass(frozen=True)
class Bound:
    """What one pool may lose: ``most`` units, and so that the number it keeps is a multiple of ``multiple``.

    A pool that loses nothing keeps its number, whatever it is.
    """

    most: int
    multiple: int = 1


def bound(claim: Claim, structure: Structure, limits: Limits, *, rounds: bool = False) -> Bound:
    """What a plan's limits mean for one pool; ``rounds`` says whether multiples are asked of it.

    Held ones are not bound: a person fixed them.

    A pool keeps what the structure and ``least`` ask for, and a unit where ``guard`` is on; a ``least`` of 1 is what
    the guard asks, so without the guard it asks nothing. Of N:M every group keeps weights: no guard is needed.
    """
    if claim.held is not None:
        return Bound(claim.held)
    guard = int(limits.guard and structure.whole == 1)
    keeps = max(structure.least, guard, limits.least if limits.least > 1 else 0)
    most = min(claim.most, structure.cap(claim.size, limits.most), claim.size - keeps)
    return Bound(max(claim.least, most), limits.multiple if rounds else 1)


def limited(
    claims: Sequence[Claim], counts: Sequence[int], bounds: Sequence[Bound], ranked: Sequence[Scores], refill: bool
) -> list[int]:
    """The counts within their bounds.

    Args:
        claims: Pools.
        counts: What an allocation gave them, each within the claim's own bounds.
        bounds: One for each claim.
        ranked: By what the pools' units are compared, ascending with the claim's own scores.
        refill: Whether the total is to be kept: what bounds hold back is then taken from the next scores elsewhere.

    Returns:
        Counts that add up to the same total wherever the bounds allow. With multiples it is missed by less than one
        multiple, never exceeded (unless units gone before exceed it already).
    """
    found = [min(count, bound.most) for count, bound in zip(counts, bounds, strict=True)]
    total = sum(counts)
    if refill and sum(found) < total:
        found = between(found, [bound.most for bound in bounds], ranked, total)
    if any(bound.multiple > 1 for bound in bounds):
        return _rounded(claims, found, bounds, ranked, total if refill else sum(found), refill)
    return found


def between(fewest: Sequence[int], most: Sequence[int], ranked: Sequence[Scores], total: int) -> list[int]:
    """Counts from ``fewest`` to ``most`` that add up to ``total``, or to what comes nearest: the next scores go."""
    total = min(max(total, sum(fewest)), sum(most))
    rest = [_ranks(scores, low, high) for scores, low, high in zip(ranked, fewest, most, strict=True)]
    return [low + more for low, more in zip(fewest, counts_together(rest, total - sum(fewest)), strict=True)]


def _ranks(scores: Scores, low: int, high: int) -> np.ndarray:
    """The scores whose rank is in [low, high), in any order."""
    values = scores.whole()
    if high <= low:
        return values[:0]
    places = [place for place in (low, high) if 0 < place < values.size]
    return (np.partition(values, places) if places else values)[low:high]


def _rounded(
    claims: Sequence[Claim],
    counts: Sequence[int],
    bounds: Sequence[Bound],
    ranked: Sequence[Scores],
    total: int,
    refill: bool,
) -> list[int]:
    """Every number kept rounded up to a multiple; then, pool by pool, the next whole step with the lowest scores."""
    stairs = [_stairs(claim, bound) for claim, bound in zip(claims, bounds, strict=True)]
    steps = [
        max((i for i, s in enumerate(stair) if s <= n), default=0) for stair, n in zip(stairs, counts, strict=True)
    ]
    orders = [np.sort(scores.whole()) for scores in ranked]
    spare = total - sum(stair[step] for stair, step in zip(stairs, steps, strict=True))
    while refill and spare > 0:
        next_ones = [
            (float(orders[i][stair[step] : stair[step + 1]].mean()), i)
            for i, (stair, step) in enumerate(zip(stairs, steps, strict=True))
            if step + 1 < len(stair) and stair[step + 1] - stair[step] <= spare
        ]
        if not next_ones:
            break
        _, chosen = min(next_ones)
        spare -= stairs[chosen][steps[chosen] + 1] - stairs[chosen][steps[chosen]]
        steps[chosen] += 1
    return [stair[step] for stair, step in zip(stairs, steps, strict=True)]


def _stairs(claim: Claim, bound: Bound) -> list[int]:
    """What the pool can lose, ascending; at least one number."""
    if claim.held is not None:
        return [claim.held]
    there = range(claim.least, max(claim.least, bound.most) + 1)
    if bound.multiple == 1:
        return list(there)
    return [n for n in there if n == 0 or ((claim.size - n) % bound.multiple == 0 and n < claim.size)] or [claim.least]
