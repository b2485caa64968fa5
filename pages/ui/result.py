"""What the plan comes to, as three cards: quality, what shrinks, and what each class lost."""

from collections.abc import Sequence
from html import escape

from core.charts.quality import QUALITIES, is_regression, qualities
from core.charts.words import amount, count, percent, points, size
from core.measurement import Measurement
from core.structures import STRUCTURES
from pages.ui.preview import Answer
from pages.ui.trail import trail

#: What stands there before the first answer.
WAITING = '<section class="card"><h3>Measuring…</h3></section>'
_CLASSES = 16
_HINTS = (
    "Scattered zeros do not make {} faster on this machine: it multiplies by them all the same. "
    "<b>Channels</b> would: they are really removed.",
    "These {units} are gone for good from the finished model: its plain file and its MACs shrink, and {} runs less.",
    "Some of these {units} can only be zeroed, not removed: there {} goes on multiplying. The layer says why.",
    "Zeros in a pattern: {} multiplies by them all the same on this machine. Hardware and libraries made for the "
    "pattern skip them.",
)


def result(
    answer: Answer, tried: Sequence[tuple[float, float]], framework: str, *, cut: bool, partly: bool = False
) -> str:
    """All three as HTML. ``cut``: what goes will be removed for good, not only zeroed; ``partly``: some of it will."""
    return _quality(answer, tried) + _shrinks(answer, framework, cut, partly) + _lost(answer)


def _quality(answer: Answer, tried: Sequence[tuple[float, float]]) -> str:
    now, dense = answer.now, answer.dense
    on = "validation set, whole" if not now.estimated else f"estimate, {count(now.samples)} of {count(now.of_samples)}"
    first, second = (QUALITIES[name] for name in qualities(is_regression(now, dense))[:2])
    main = first.of(now)
    if now.estimated and now.half_width is not None:
        main = f"{main.removesuffix('%').rstrip()} <small>± {percent(now.half_width)}</small>"
    worse = first.loss(now, dense) > 0.0005
    change = f'<span class="{"down" if worse else "soft"}">{first.change(now, dense)}</span>'
    loss = "–" if now.loss is None else f"{now.loss:.3g}"
    cells = (
        (first.title, main, change),
        (second.title.removeprefix("mean "), second.of(now), ""),
        ("loss", loss, ""),
        ("weights left", count(now.nonzero), ""),
    )
    body = "".join(f"<div><b>{value}</b><span>{name} {more}</span></div>" for name, value, more in cells)
    here, whole = ((m.sparsity, first.value(m) or 0.0) for m in (now, dense))
    drawn = trail([(0.0, whole[1]), *tried], here, first)
    estimated = "".join(f'<p class="hint">An estimate: {escape(reason)}</p>' for reason in answer.estimated)
    return (
        f'<section class="card"><h3>Measured now <span>· {escape(on)}</span></h3><div class="facts tight">{body}</div>'
        f"{estimated}{drawn}</section>"
    )


def _shrinks(answer: Answer, framework: str, cut: bool, partly: bool) -> str:
    now, dense = answer.now, answer.dense
    left = now.nonzero / max(dense.nonzero, 1)
    bars = [
        ("sparsity", now.sparsity, percent(now.sparsity), "pruned"),
        ("file, cut", left, f"about {size(round(dense.dense_bytes * left))}", "kept")
        if cut
        else ("file, dense", now.dense_bytes / max(dense.dense_bytes, 1), size(now.dense_bytes), "kept"),
        _against("file, zipped", now.zipped_bytes, dense.zipped_bytes),
        _against("file, sparse", now.sparse_bytes, dense.dense_bytes),
        (
            "MACs",
            now.effective_macs / max(dense.macs, 1),
            f"{amount(now.effective_macs)} of {amount(dense.macs)}",
            "kept",
        ),
    ]
    body = "".join(
        f'<div class="bar"><span>{name}</span><i><b class="{kind}" style="width:{100 * min(1.0, share):.1f}%"></b></i>'
        f"<em>{text}</em></div>"
        for name, share, text, kind in bars
    )
    unit = STRUCTURES[answer.plan.structure].unit
    hint = _HINTS[0 if unit == "weight" else 1 if cut else 2 if partly else 3].format(framework, units=f"{unit}s")
    return f'<section class="card"><h3>What will really shrink</h3>{body}<p class="hint">{hint}</p></section>'


def _against(name: str, now: int | None, dense: int | None) -> tuple[str, float, str, str]:
    share = (now or 0) / max(dense or 1, 1)
    unit = size(dense).rsplit("\N{NO-BREAK SPACE}", 1)
    text, whole = size(now), size(dense)
    if text.endswith(unit[-1]):
        text = text.removesuffix(unit[-1]).rstrip()
    return name, share, f"{text} of {whole}", "kept"


def _lost(answer: Answer) -> str:
    """Recall of each class: what is kept in one colour, what was lost on top in the other."""
    pairs = [
        (name, before or 0.0, now or 0.0)
        for name, before, now in zip(
            answer.classes, answer.dense.recall_per_class, answer.now.recall_per_class, strict=False
        )
        if before is not None or now is not None
    ]
    if not pairs:
        return ""
    worst = sorted(pairs, key=lambda pair: pair[1] - pair[2], reverse=True)
    shown = pairs if len(pairs) <= _CLASSES else worst[:_CLASSES]
    bars = "".join(_class(*pair) for pair in shown)
    name, before, now = worst[0]
    told = "" if before - now < 0.005 else f" <span>· most: {escape(name)}, {points(now - before)} points</span>"
    return f'<section class="card"><h3>What each class lost{told}</h3><div class="classes">{bars}</div></section>'


def _class(name: str, before: float, now: float) -> str:
    lost = max(0.0, before - now)
    title = f"{name}: {percent(before)} before, {percent(now)} now"
    return (
        f'<div title="{escape(title)}"><i><b class="pruned" style="height:{100 * lost:.1f}%"></b>'
        f'<b class="kept" style="height:{100 * now:.1f}%"></b></i><span>{escape(name)}</span></div>'
    )


def measured(answer: Answer) -> tuple[float, float] | None:
    """The point for the trail; None while it is an estimate."""
    now: Measurement = answer.now
    return None if now.estimated or now.quality is None else (now.sparsity, now.quality)
