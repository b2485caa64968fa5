"""Costs in human units: what a budget's number box counts in, and how costs are said."""

from dataclasses import dataclass

_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_COUNTS = ((1e9, "G"), (1e6, "M"), (1e4, "k"))


@dataclass(frozen=True)
class Scale:
    """What one step of a number box is worth: ``factor`` of the measure's own unit, called ``unit``."""

    factor: float
    unit: str

    def shown(self, value: float) -> float:
        """A cost as the box shows it, four digits of it."""
        return float(f"{value / self.factor:.4g}")

    def cost(self, shown: float) -> float:
        """The cost that a number in the box means."""
        return shown * self.factor

    def said(self, value: float) -> str:
        """``54.3``, to stand before the unit."""
        shown = value / self.factor
        return f"{shown:,.4g}" if shown < 1e4 else f"{shown:,.0f}"


def scale_for(dense: float, unit: str) -> Scale:
    """The scale in which the dense network's cost has few digits."""
    steps = _BYTES if unit == "bytes" else _COUNTS if unit not in ("", "ms") else ()
    for size, prefix in steps:
        if dense >= size:
            return Scale(1e3 if prefix == "k" else size, prefix if unit == "bytes" else f"{prefix} {unit}")
    return Scale(1.0, unit)
