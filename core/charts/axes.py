"""What *size* can mean on the accuracy-against-size chart. Every axis runs from dense, left, to small, right."""

from collections.abc import Callable
from dataclasses import dataclass

from core.charts.words import amount, count, percent, size
from core.measurement import Measurement
from core.registry import Registry

#: Labels on a log axis stand at 1, 2 and 5 only; on a linear axis everywhere.
_ROUND = "indexof([1, 2, 5], round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))) >= 0"
_COUNT = "datum.value >= 1e6 ? format(datum.value / 1e6, '.3~g') + ' M' : format(datum.value, ',.0f')"
_BYTES = (
    "datum.value >= 1e6 ? format(datum.value / 1e6, '.3~g') + ' MB' : "
    "datum.value >= 1e3 ? format(datum.value / 1e3, '.3~g') + ' kB' : format(datum.value, '.0f') + ' B'"
)


@dataclass(frozen=True)
class SizeAxis:
    """One meaning of size.

    ``short`` is what a switch says, ``title`` what the axis says. ``value`` gives what is plotted (above 0, smaller
    is better), ``text`` what is said of it; ``labels`` is the Vega expression of a tick's label. Sparsity is plotted
    as the share kept, so that its log axis is 50, 80, 90, 95, 98, 99 %.
    """

    name: str
    short: str
    title: str
    value: Callable[[Measurement], float | None]
    text: Callable[[Measurement], str]
    labels: str

    def label_expression(self, log: bool) -> str:
        """The Vega expression of a tick's label."""
        return f"{_ROUND} ? {self.labels} : ''" if log else self.labels


AXES: Registry[SizeAxis] = Registry(
    "size axis",
    (
        SizeAxis(
            "parameters",
            "parameters",
            "parameters left",
            lambda m: m.nonzero or None,
            lambda m: count(m.nonzero),
            f"({_COUNT})",
        ),
        SizeAxis(
            "zipped",
            "bytes zipped",
            "bytes, zipped",
            lambda m: m.zipped_bytes or None,
            lambda m: size(m.zipped_bytes),
            f"({_BYTES})",
        ),
        SizeAxis(
            "macs",
            "MACs",
            "multiply-adds for one sample, zeros left out",
            lambda m: m.effective_macs or None,
            lambda m: amount(m.effective_macs),
            f"({_COUNT})",
        ),
        SizeAxis(
            "sparsity",
            "sparsity",
            "sparsity of the prunable weights",
            lambda m: 1 - m.sparsity if m.sparsity < 1 else None,
            lambda m: percent(m.sparsity),
            "(format(100 * (1 - datum.value), '.4~g') + ' %')",
        ),
    ),
)
