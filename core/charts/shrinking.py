"""What will really shrink: before and after of everything that a network costs, each said to be measured or estimated.

Before anybody timed anything, sizes are counted and times follow from what is removed for good: an estimate. What the
lab measured (:mod:`core.lab.shrinking`) takes its place, and is marked once the plan has moved on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.charts.words import GAP, amount, count, milliseconds, percent, size
from core.measurement import Measurement
from core.measures.speed import Speed

#: Ratios within which two times count as alike.
_ALIKE = 0.03
#: A share of the time that much above that of the multiply-adds is worth a word.
_SHORT = 1.25


@dataclass(frozen=True)
class Line:
    """One quantity: how much there was and is, as shares of the larger of the two; so is the ``noise`` of both."""

    name: str
    before: float
    after: float
    text: str
    measured: bool
    told: str = ""
    noise: float = 0.0

    @property
    def grown(self) -> bool:
        """Whether there is more of it than before, by more than repeated measurements differ."""
        return self.after > self.before * (1 + _ALIKE) + self.noise


@dataclass(frozen=True)
class Block:
    """Quantities of one kind; ``stale`` ones belong to another plan."""

    title: str
    lines: tuple[Line, ...]
    stale: bool = False


@dataclass(frozen=True)
class Timed:
    """What the lab measured. ``stale``: of another plan than the one at hand."""

    dense: Mapping[str, Any]
    now: Mapping[str, Any]
    speeds: tuple[Speed, ...]
    threads: int
    denormals: tuple[int, int] = (0, 0)
    stale: bool = False

    @classmethod
    def of(cls, answer: Mapping[str, Any], stale: bool = False) -> "Timed":
        """From the lab's answer."""
        found = tuple(Speed.from_dict(one) for one in answer["speeds"])
        before, after = (int(many) for many in answer["denormals"])
        return cls(answer["dense"], answer["now"], found, int(answer["threads"]), (before, after), stale)

    @property
    def had(self) -> list[Speed]:
        """Runtimes with figures."""
        return [one for one in self.speeds if one.dense is not None and one.now is not None]


def blocks(
    now: Measurement, dense: Measurement, *, cut: bool, done: bool = False, timed: Timed | None = None
) -> list[Block]:
    """Everything, in the order it is read.

    Args:
        now: What is left; masked, not cut, unless ``done``.
        dense: The whole network.
        cut: What goes is removed for good.
        done: ``now`` is the finished network, really cut.
        timed: What was measured of it.
    """
    fresh = timed if timed is not None and not timed.stale else None
    return [
        _disk(now, dense, cut, done, fresh),
        _memory(now, dense, cut, done, timed),
        _work(now, dense, cut, done),
        _time(now, dense, cut, timed),
    ]


def _disk(now: Measurement, dense: Measurement, cut: bool, done: bool, timed: Timed | None) -> Block:
    plain, exact = now.dense_bytes, not cut or done
    if not exact:
        plain = round(dense.dense_bytes * now.nonzero / max(dense.nonzero, 1))
    zipped, sparse = now.zipped_bytes, now.sparse_bytes
    if timed is not None:
        plain, zipped, sparse = (timed.now[name] for name in ("dense_bytes", "zipped_bytes", "sparse_bytes"))
        exact = True
    whole = exact and not now.zipped_estimated
    lines = [_bytes("file, cut" if cut else "file, dense", plain, dense.dense_bytes, exact)]
    if zipped is not None and dense.zipped_bytes is not None:
        lines.append(_bytes("file, zipped", zipped, dense.zipped_bytes, whole))
    lines.append(_bytes("file, sparse", sparse, dense.dense_bytes, exact))
    if now.compressed_bytes is not None:
        lines.append(_bytes("file, compressed", now.compressed_bytes, dense.dense_bytes, True))
    return Block("On disk, the weights alone", tuple(lines))


def _memory(now: Measurement, dense: Measurement, cut: bool, done: bool, timed: Timed | None) -> Block:
    """Of the weights: plain arrays with their zeros, and in other runtimes what a loaded copy was seen to take."""
    if timed is not None:
        seen = {one.title: one for one in timed.had if one.ram and one.ram_now is not None}
        lines = [_bytes(title, one.ram_now, one.ram or 0, True, "a loaded copy") for title, one in seen.items()]
        if lines:
            return Block("In memory", tuple(lines), timed.stale)
    left = now.nonzero / max(dense.nonzero, 1) if cut and not done else now.dense_bytes / max(dense.dense_bytes, 1)
    told = "the weights as plain arrays; zeros take as much room as other numbers"
    guess = _bytes("weights", round(left * dense.dense_bytes), dense.dense_bytes, done or not cut, told)
    return Block("In memory", (guess,))


def _work(now: Measurement, dense: Measurement, cut: bool, done: bool) -> Block:
    left = now.effective_macs if cut and not done else now.macs
    lines = [
        _line("MACs", left, dense.macs, f"{amount(left)} of {amount(dense.macs)}", True, "what a runtime multiplies"),
    ]
    if not cut or (done and now.effective_macs < (1 - _ALIKE) * now.macs):
        text = f"{amount(now.effective_macs)} of {amount(dense.macs)}"
        told = "what would be left for a runtime that skips every zero"
        lines.append(_line("MACs, non-zero", now.effective_macs, dense.macs, text, True, told))
    return Block("Work for one sample", tuple(lines))


def _time(now: Measurement, dense: Measurement, cut: bool, timed: Timed | None) -> Block:
    if timed is not None and timed.had:
        batch = timed.had[0].batch
        what = "one sample" if batch == 1 else f"a batch of {batch}"
        threads = f"{timed.threads} thread{'' if timed.threads == 1 else 's'}"
        return Block(f"Time for {what}, {threads}", tuple(_pace(one) for one in timed.had), timed.stale)
    if now.latency_ms is not None and dense.latency_ms is not None:
        text = _of(milliseconds(now.latency_ms), milliseconds(dense.latency_ms))
        spread = ((now.latency_spread_ms or 0.0) + (dense.latency_spread_ms or 0.0)) / 2
        told = f"medians; half the interquartile range of both together is {milliseconds(spread)}" if spread else ""
        line = _line("latency", now.latency_ms, dense.latency_ms, text, True, told)
        return Block("Time for one sample", (replace(line, noise=spread / max(now.latency_ms, dense.latency_ms)),))
    share = now.effective_macs / max(dense.macs, 1) if cut else 1.0
    text = f"at best {percent(share, 0)}" if cut else "as dense"
    return Block("Time for one sample", (Line("any runtime", 1.0, share, text, False, "measured on request"),))


def _pace(one: Speed) -> Line:
    assert one.dense is not None and one.now is not None  # only runtimes with figures come here
    text = _of(milliseconds(one.now.median_ms), milliseconds(one.dense.median_ms))
    told = f"median of {one.pairs} pairs: {one.ratio:.2f} of the time, 95 % interval {one.low:.2f} to {one.high:.2f}"
    return _line(one.title, (one.ratio or 1.0), 1.0, text, True, told)


def _bytes(name: str, now: int | None, dense: int, exact: bool, told: str = "") -> Line:
    text = _of(size(now), size(dense))
    return _line(name, now or 0, dense, text if exact else f"about {text}", exact, told)


def _of(now: str, whole: str) -> str:
    """``61 of 412 kB``: the unit once where it is the same."""
    unit = f"{GAP}{whole.rsplit(GAP, 1)[-1]}"
    return f"{now.removesuffix(unit) if now.endswith(unit) else now} of {whole}"


def _line(name: str, now: float, dense: float, text: str, exact: bool, told: str = "") -> Line:
    most = max(now, dense, 1e-12)
    return Line(name, dense / most, now / most, text, exact, told)


def verdict(timed: Timed | None, now: Measurement, dense: Measurement, *, cut: bool, multiple: int = 1) -> str:
    """One sentence on what was timed: whether it became quicker as promised, and what would help; "" where nothing
    fresh was. Denormal weights are named."""
    if timed is None or timed.stale or not timed.had:
        return ""
    many = max(timed.denormals)
    small = f" {count(many)} denormal weights were taken for zero where the runtime can." if many else ""
    return _told(timed, now, dense, cut, multiple) + small


def _told(timed: Timed, now: Measurement, dense: Measurement, cut: bool, multiple: int) -> str:
    quicker = [one for one in timed.had if (one.high or 1) < 1 - _ALIKE]
    slow = [one for one in timed.had if one not in quicker]
    if not cut:
        if not quicker:
            return f"Measured: {_names(timed.had)} {_take(timed.had)} as long as dense."
        return f"Measured: {_shares(quicker)}."
    promised = now.effective_macs / max(dense.macs, 1)
    if slow:
        help_ = _remedy(slow, multiple)
        gained = f"{_shares(quicker)}, but " if quicker else ""
        return f"Measured: {gained}{_names(slow)} {'is' if len(slow) == 1 else 'are'} no quicker. {help_}"
    short = [one for one in quicker if (one.ratio or 1) > _SHORT * promised + 0.05]
    rest = "" if not short else f" The MACs promise {percent(promised, 0)}: the rest is what calling a network takes."
    return f"Measured: {_shares(quicker)}.{rest}"


def _remedy(slow: Sequence[Speed], multiple: int) -> str:
    """What would make a network quicker that was cut and is not."""
    if multiple < 8:
        return "Runtimes compute in blocks of channels: keep multiples of 8 (Limits). Larger batches help, too."
    if all(one.dense is not None and one.dense.median_ms < 1 for one in slow):
        return "So small a network spends its time on being called: larger batches show the gain."
    return "Its time goes elsewhere: Inspect shows it layer by layer."


def _shares(speeds: Sequence[Speed]) -> str:
    """``PyTorch takes 41 % of the time, ONNX Runtime 38 %``."""
    first, *rest = speeds
    others = [f"{one.title} {percent(one.ratio, 0)}" for one in rest]
    return ", ".join([f"{first.title} takes {percent(first.ratio, 0)} of the time", *others])


def _names(speeds: Sequence[Speed]) -> str:
    names = [one.title for one in speeds]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _take(speeds: Sequence[Speed]) -> str:
    return "takes" if len(speeds) == 1 else "take"
