"""A schedule says how much is gone after each step."""

from abc import ABC, abstractmethod

from core.plan import ScheduleChoice


class Schedule(ABC):
    """Pure function of the final sparsity, the initial one and the progress."""

    #: Registry name.
    name: str
    #: What a person calls it.
    title: str
    #: Where it comes from.
    reference: str
    #: The amount after step t of n, plain text; s is the final sparsity, s₀ the initial one.
    formula: str
    #: Names of the settings in ``core.plan.ScheduleChoice`` that it obeys; pages offer only these.
    settings: tuple[str, ...] = ("steps", "epochs_between")
    #: Whether the mask goes on changing while the network recovers, at full sparsity from the first step.
    dynamic: bool = False

    def steps(self, choice: ScheduleChoice) -> int:
        """In how many pruning steps."""
        return choice.steps if "steps" in self.settings else 1

    def amounts(self, final: float, steps: int, initial: float = 0.0) -> list[float]:
        """The sparsity after each step: never falling, each in [0, final], the last exactly ``final``.

        Args:
            final: In [0, 1].
            steps: At least 1; schedules that know no steps take one all the same.
            initial: What gradual schedules begin with; above ``final`` it counts as that.
        """
        steps = steps if "steps" in self.settings else 1
        start = min(initial, final) if "initial" in self.settings else 0.0
        found = [min(max(self.at(step / steps, final, start), 0.0), final) for step in range(1, steps)]
        return [*found, final]

    def curve(self, final: float, choice: ScheduleChoice, points: int = 100) -> list[tuple[float, float]]:
        """(progress from 0 to 1, sparsity) along the formula, for drawing: ``points + 1`` pairs."""
        start = min(choice.initial, final) if "initial" in self.settings else 0.0
        places = [point / points for point in range(points + 1)]
        return [(place, min(max(self.at(place, final, start), 0.0), final)) for place in places]

    def exchanged(self, choice: ScheduleChoice, points: int = 100) -> list[tuple[float, float]]:
        """(progress from 0 to 1, share of the kept weights exchanged there), for drawing; empty where the weights
        themselves decide."""
        return []

    def refuses(self, structure: str) -> str:
        """One sentence why units of that structure cannot be pruned by it; "" where they can."""
        if self.dynamic and structure != "unstructured":
            return (
                f'Schedule "{self.name}" regrows single weights while training; with structure "{structure}" choose '
                f'another schedule, or structure "unstructured".'
            )
        return ""

    @abstractmethod
    def at(self, progress: float, final: float, initial: float) -> float:
        """The sparsity at ``progress`` in [0, 1], from ``initial`` (at most ``final``) to ``final``."""
