"""An allocation says how many units each pool loses."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.plan import Sharing
from core.scores import Array, Scores

#: (share of a pool that is gone, what the loss rises by), ascending, measured.
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Claim:
    """One pool as an allocation sees it.

    Attributes:
        name: The pool.
        scores: What its units are worth, comparable with the other claims'; units gone before are -inf.
        least: Units that are gone already: it loses at least these.
        most: Units it can lose at most.
        held: What a person fixed, in [least, most]; None leaves it to the allocation.
        shape: Of the Weight whose parts, or rows, are the units.
        kin: Pools of one kin are built alike; filled where the allocation ``needs_kin``.
        curve: How the loss answers; filled where the allocation ``needs_curves``.
    """

    name: str
    scores: Scores | Array
    least: int
    most: int
    held: int | None = None
    shape: tuple[int, ...] = ()
    kin: str = ""
    curve: Curve = ()

    @property
    def size(self) -> int:
        """Units."""
        return int(self.scores.size)

    @property
    def worth(self) -> Scores:
        """The scores, however they were given."""
        return self.scores if isinstance(self.scores, Scores) else Scores(self.scores)

    def within(self, count: int) -> int:
        """The nearest count the pool can lose."""
        return min(max(count, self.least), self.most)


#: (size, amount) -> how many of ``size`` units go: the structure's rounding.
Quota = Callable[[int, float], int]


class Allocation(ABC):
    """Pure function of claims."""

    #: Registry name.
    name: str
    #: What a person calls it.
    title: str
    #: One sentence for the person who chooses.
    note: str
    #: Where it comes from.
    reference: str
    #: Names of the settings in ``core.plan.Sharing`` that it obeys; pages offer only these.
    settings: tuple[str, ...] = ("drawn",)
    #: Whether the plan's sparsity says how much goes; False where thresholds of its own do.
    follows_amount: bool = True
    #: Whether claims must say which are built alike, and how the loss answers.
    needs_kin: bool = False
    needs_curves: bool = False

    def follows(self, sharing: Sharing) -> bool:
        """Whether it follows the amount under these settings."""
        return self.follows_amount

    def ranked(self, claim: Claim) -> Scores:
        """The scores as pools are compared by them: in any order, but rising with the claim's own."""
        return claim.worth

    @abstractmethod
    def counts(
        self,
        claims: Sequence[Claim],
        amount: float,
        quota: Quota,
        sharing: Sharing = Sharing(),  # noqa: B008 - frozen
    ) -> list[int]:
        """How many units each claim loses, each within its bounds; ``held`` ones exactly what they hold.

        Args:
            claims: All pools that are not excluded, in canonical order.
            amount: Share to remove, in [0, 1].
            quota: How the share becomes a number.
            sharing: What a person told beside the amount.
        """


def free(claims: Iterable[Claim]) -> list[Claim]:
    """Those that nobody fixed."""
    return [claim for claim in claims if claim.held is None]


def left(claims: Sequence[Claim], amount: float, quota: Quota) -> int:
    """What the free claims lose together: the quota of all, less what held ones lose, as near as bounds allow."""
    total = quota(sum(claim.size for claim in claims), amount) - sum(claim.held or 0 for claim in claims)
    open_claims = free(claims)
    return min(max(total, sum(c.least for c in open_claims)), sum(c.most for c in open_claims))


def bounds(claims: Iterable[Claim]) -> list[tuple[int, int]]:
    """Fewest and most units each can lose."""
    return [(claim.least, claim.most) for claim in claims]


def joined(claims: Sequence[Claim], found: Iterable[int]) -> list[int]:
    """The counts of all claims from those of the free ones."""
    counts = iter(found)
    return [next(counts) if claim.held is None else claim.held for claim in claims]


def apportioned(wanted: Sequence[float], bounds: Sequence[tuple[int, int]], total: int) -> list[int]:
    """Whole numbers near ``wanted``, each within its (least, most), that add up to ``total`` wherever these allow.

    Rounded down, then one more where most was cut off; what bounds held back is spread over the room others have.
    """
    low, high = np.array(bounds, np.int64).reshape(-1, 2).T
    exact = np.array(wanted, np.float64)
    counts = np.clip(np.floor(exact + 1e-9).astype(np.int64), low, high)
    order = np.argsort(counts - exact, kind="stable")
    while (gap := total - int(counts.sum())) != 0:
        room = high - counts if gap > 0 else counts - low
        if not room.any():
            break
        step = np.minimum(abs(gap) * room // room.sum(), room)
        if not step.any():
            ones = [index for index in (order if gap > 0 else order[::-1]) if room[index]]
            step[ones[: abs(gap)]] = 1
        counts += np.sign(gap) * step
    return [int(count) for count in counts]
