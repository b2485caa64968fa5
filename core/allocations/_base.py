"""An allocation says how many units each pool loses."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.scores import Array, Scores


@dataclass(frozen=True)
class Claim:
    """One pool as an allocation sees it.

    Attributes:
        name: The pool.
        scores: What its units are worth, comparable with the other claims'; units gone before are -inf.
        least: Units that are gone already: it loses at least these.
        most: Units it can lose at most.
        held: What a person fixed, in [least, most]; None leaves it to the allocation.
    """

    name: str
    scores: Scores | Array
    least: int
    most: int
    held: int | None = None

    @property
    def size(self) -> int:
        """Units."""
        return int(self.scores.size)

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
    settings: tuple[str, ...] = ()
    #: Whether the plan's sparsity says how much goes; False where thresholds of its own do.
    follows_amount: bool = True

    @abstractmethod
    def counts(self, claims: Sequence[Claim], amount: float, quota: Quota) -> list[int]:
        """How many units each claim loses, each within its bounds; ``held`` ones exactly what they hold.

        Args:
            claims: All pools that are not excluded, in canonical order.
            amount: Share to remove, in [0, 1).
            quota: How the share becomes a number.
        """
