"""How good a network is, as it is read: accuracy or macro F1 of classes, R² or absolute error of a regression."""

from collections.abc import Callable
from dataclasses import dataclass

from core.charts.words import UNKNOWN, number, percent, points
from core.measurement import Measurement
from core.registry import Registry


@dataclass(frozen=True)
class Quality:
    """One measure. ``share``: it lies in [0, 1] and is read in percent. ``rises``: larger is better."""

    name: str
    title: str
    regression: bool
    value: Callable[[Measurement], float | None]
    share: bool = False
    rises: bool = True

    @property
    def unit(self) -> str:
        """What a difference is counted in, to be put behind it: " points" of a percentage."""
        return " points" if self.share else ""

    def text(self, value: float | None, digits: int | None = None) -> str:
        """``96.2 %``, ``0.9124``."""
        if self.share:
            return percent(value, 1 if digits is None else digits)
        return number(value, 3 if digits is None else digits)

    def of(self, measured: Measurement | None, digits: int | None = None) -> str:
        """What it is of a measurement, ready to read."""
        return UNKNOWN if measured is None else self.text(self.value(measured), digits)

    def change(self, now: Measurement, before: Measurement) -> str:
        """``−2.9`` (points of a percentage) or ``−0.012``."""
        here, was = self.value(now), self.value(before)
        if here is None or was is None:
            return UNKNOWN
        if self.share:
            return points(here - was)
        text = f"{abs(here - was):.3f}"
        return f"{'−' if here < was else '+'}{text}" if float(text) else "±0"

    def loss(self, now: Measurement, before: Measurement) -> float:
        """How much worse it is now, above 0 where it is."""
        here, was = self.value(now), self.value(before)
        if here is None or was is None:
            return 0.0
        return was - here if self.rises else here - was


QUALITIES: Registry[Quality] = Registry(
    "quality",
    (
        Quality("accuracy", "accuracy", False, lambda m: m.accuracy, share=True),
        Quality("f1_macro", "macro F1", False, lambda m: m.f1_macro),
        Quality("r2", "R²", True, lambda m: m.r2),
        Quality("mae", "mean absolute error", True, lambda m: m.mae, rises=False),
    ),
)


def is_regression(*measured: Measurement | None) -> bool:
    """Whether measurements are of values, not of classes."""
    return any(m is not None and m.accuracy is None and (m.r2 is not None or m.mae is not None) for m in measured)


def main_quality(*measured: Measurement | None) -> Quality:
    """The one to compare by: accuracy, or R² of a regression."""
    return QUALITIES["r2" if is_regression(*measured) else "accuracy"]


def qualities(regression: bool) -> list[str]:
    """Names of those that the task has, the main one first."""
    return [one.name for one in QUALITIES.values() if one.regression is regression]


def loss_title(regression: bool) -> str:
    """What the loss is."""
    return "loss (mean squared error)" if regression else "loss (cross-entropy)"
