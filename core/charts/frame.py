"""Axis ranges that stand still: rounded outwards, so that they change only when a new point lies outside."""

from collections.abc import Iterable
from math import ceil, floor, log10

#: Below one of these widths of the range, the range ends on multiples of the step beside it.
_STEPS = ((0.02, 0.005), (0.06, 0.01), (0.2, 0.05), (2.0, 0.1))


def share_range(values: Iterable[float]) -> tuple[float, float]:
    """A range for shares such as accuracy, ends on round steps, within [0, 1].

    Adding values never narrows it: steps only grow with the width, each a multiple of the one before.
    """
    known = list(values)
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    step = next(step for width, step in _STEPS if high - low <= width)
    return max(0.0, round(floor(low / step + 1e-9) * step, 9)), min(1.0, round(ceil(high / step - 1e-9) * step, 9))


def positive_range(values: Iterable[float]) -> tuple[float, float]:
    """A range from 0 for losses, its end on a round number."""
    top = max((value for value in values if value > 0), default=1.0)
    power = 10.0 ** floor(log10(top))
    return 0.0, next(m * power for m in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0) if top <= m * power * (1 + 1e-9))


def size_range(values: Iterable[float]) -> tuple[float, float]:
    """A range for sizes above 0: from the next 1, 2 or 5 below the smallest to just above the largest."""
    known = [value for value in values if value > 0]
    if not known:
        return 1.0, 10.0
    low, high = min(known), max(known)
    power = 10.0 ** floor(log10(low))
    bottom = next(m * power for m in (5.0, 2.0, 1.0) if m * power <= low * (1 + 1e-9))
    return (bottom if bottom < 0.97 * low else bottom * 0.93), high * 1.04


def padded(low: float, high: float, share: float = 0.05) -> tuple[float, float]:
    """The range with air at both ends, so that marks on its edge are whole."""
    air = share * (high - low)
    return low - air, high + air


def crowded(counts: Iterable[int]) -> bool:
    """Whether one bin holds so much of a histogram that the others are flat beside it."""
    bins = [int(n) for n in counts]
    return max(bins, default=0) > 0.3 * sum(bins)


def bar_top(counts: Iterable[int]) -> int:
    """Where a linear axis of counts ends: at the largest, or lower where up to three bins dwarf all others.

    Bars above it are cut off; whoever draws them says so.
    """
    bins = sorted((int(n) for n in counts), reverse=True)
    if not bins:
        return 1
    usual = max(bins[3] if len(bins) > 3 else bins[-1], 1)
    return max(bins[0], 1) if bins[0] <= 4 * usual else 2 * usual
