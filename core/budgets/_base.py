"""A budget says what the network that a decision leaves would cost, so that it can be kept below a limit."""

from abc import ABC, abstractmethod

from core.budgets._left import Left


class Measure(ABC):
    """What a network can be limited in. Costs never rise when more units go."""

    #: Registry name.
    name: str
    #: What a person calls it.
    title: str
    #: What it is counted in; "" for a plain number.
    unit: str
    #: One sentence for the person who chooses.
    note: str
    #: Whether the same decision always costs the same; if not, it is measured at each halving.
    exact: bool = True
    #: Whether it hardly matters which units go, only how many: what is out of reach is then known before any score.
    by_numbers: bool = False

    @abstractmethod
    def cost(self, left: Left) -> float:
        """What the network costs after the decision."""

    def said(self, value: float) -> str:
        """The value for a sentence: "12,345 parameters"."""
        digits = f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.4g}"
        return f"{digits} {self.unit}".strip()

    def hint(self, plain_zeros: bool) -> str:
        """What to do where the limit is out of reach; ``plain_zeros`` tells that the structure removes nothing."""
        return "Raise it, free layers that are fixed or left out, or loosen the limits."
