"""What a run left of a model: bars of size and cost, before and after."""

from dataclasses import dataclass

from core.charts.quality import main_quality
from core.charts.words import GAP, amount, count, milliseconds, size
from core.measurement import Measurement


@dataclass(frozen=True)
class Bar:
    """One quantity; ``share`` of the dense model's is left."""

    name: str
    share: float
    text: str

    @property
    def width(self) -> str:
        """The share as a CSS width, never over the whole."""
        return f"{100 * min(self.share, 1.0):.1f}%"


def bars(before: Measurement, after: Measurement) -> list[Bar]:
    """Parameters, bytes, multiply-adds and time, as far as they were measured."""
    made = [
        Bar(
            "parameters",
            after.nonzero / max(before.nonzero, 1),
            f"{count(after.nonzero)} of {count(before.nonzero)}",
        ),
        Bar("file, dense", after.dense_bytes / max(before.dense_bytes, 1), _of(after.dense_bytes, before.dense_bytes)),
        Bar("file, sparse", after.sparse_bytes / max(before.dense_bytes, 1), size(after.sparse_bytes)),
        Bar(
            "MACs, non-zero",
            after.effective_macs / max(before.effective_macs, 1),
            f"{amount(after.effective_macs)} of {amount(before.effective_macs)}",
        ),
    ]
    if after.zipped_bytes is not None and before.zipped_bytes is not None:
        share = after.zipped_bytes / max(before.zipped_bytes, 1)
        made.insert(2, Bar("file, zipped", share, _of(after.zipped_bytes, before.zipped_bytes)))
    if after.latency_ms is not None and before.latency_ms is not None:
        was = milliseconds(before.latency_ms, before.latency_spread_ms).removesuffix(f"{GAP}ms")
        text = f"{was} → {milliseconds(after.latency_ms, after.latency_spread_ms)}"
        made.append(Bar("latency", after.latency_ms / max(before.latency_ms, 1e-9), text))
    return made


def quality_line(before: Measurement, after: Measurement, whose: str = "") -> str:
    """Accuracy of both on the test split: ``97.4 % on test, −0.9 points from 98.3 %``.

    Args:
        before: Of the dense network.
        after: Of what is left.
        whose: What ``after`` belongs to, where that is not plain.
    """
    if after.quality is None or before.quality is None:
        return ""
    quality = main_quality(after)
    what, unit = ("", " points") if quality.share else (f"{quality.title} ", "")
    change = f"{quality.change(after, before)}{unit} from {quality.of(before)}"
    return f"{f'{whose}: ' if whose else ''}{what}{quality.of(after)} on {after.split}, {change}"


def _of(now: int, before: int) -> str:
    return f"{size(now)} of {size(before)}"
