"""A schedule says how much is gone after each step."""

from abc import ABC, abstractmethod


class Schedule(ABC):
    """Pure function of the final sparsity and the number of steps."""

    #: Registry name.
    name: str
    #: What a person calls it.
    title: str
    #: Where it comes from.
    reference: str
    #: The amount after step t of n, plain text.
    formula: str
    #: Names of the settings in ``core.plan.ScheduleChoice`` that it obeys; pages offer only these.
    settings: tuple[str, ...] = ("steps", "epochs_between")

    def amounts(self, final: float, steps: int) -> list[float]:
        """The sparsity after each step: never falling, each in [0, final], the last exactly ``final``."""
        return [*(final * self.share(step / steps) for step in range(1, steps)), final]

    @abstractmethod
    def share(self, progress: float) -> float:
        """Which share of the final sparsity is reached at ``progress`` in (0, 1)."""
