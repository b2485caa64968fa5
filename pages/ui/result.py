"""What the plan comes to, as three cards: quality, what shrinks, and what each class lost."""

from html import escape
from typing import NamedTuple

from core.allocations import ALLOCATIONS
from core.charts.quality import QUALITIES, is_regression, qualities
from core.charts.shrinking import Timed, blocks, verdict
from core.charts.words import count, percent, points
from core.criteria import CRITERIA
from core.measurement import Measurement
from core.plan import Plan
from core.structures import STRUCTURES
from pages.ui.choices import Trail
from pages.ui.preview import Answer
from pages.ui.shrink_card import shrink_card
from pages.ui.trail import trail

_CLASSES = 16
_HINTS = (
    "Scattered zeros do not make {} faster on this machine: it multiplies by them all the same. "
    "<b>Channels</b> would: they are really removed.",
    "These {units} are gone for good from the finished model: its plain file and its MACs shrink, and {} runs less.",
    "Some of these {units} can only be zeroed, not removed: there {} goes on multiplying. The layer says why.",
    "Zeros in a pattern: {} multiplies by them all the same on this machine. Hardware and libraries made for the "
    "pattern skip them.",
)


class Cards(NamedTuple):
    """The three as HTML."""

    quality: str
    shrinks: str
    lost: str


def result(
    answer: Answer,
    tried: Trail,
    framework: str,
    *,
    cut: bool,
    partly: bool = False,
    timed: Timed | None = None,
) -> Cards:
    """All three. ``cut``: what goes will be removed for good, not only zeroed; ``partly``: some of it will; ``timed``:
    what was measured of this plan, or of one before."""
    return Cards(_quality(answer, tried), _shrinks(answer, framework, cut, partly, timed), _lost(answer))


def _quality(answer: Answer, tried: Trail) -> str:
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
    by = method(answer.plan)
    same = [(s, a) for s, a, one in tried if one == by]
    drawn = trail([(0.0, whole[1]), *same], here, first, [point for point in tried if point[2] != by])
    estimated = "".join(f'<p class="hint">An estimate: {escape(reason)}</p>' for reason in answer.estimated)
    return (
        f'<section class="card"><h3>Measured now <span>· {escape(on)}</span></h3><div class="facts tight">{body}</div>'
        f"{estimated}{drawn}</section>"
    )


def _shrinks(answer: Answer, framework: str, cut: bool, partly: bool, timed: Timed | None) -> str:
    now, dense, plan = answer.now, answer.dense, answer.plan
    unit = STRUCTURES[plan.structure].unit
    hint = _HINTS[0 if unit == "weight" else 1 if cut else 2 if partly else 3].format(framework, units=f"{unit}s")
    found = verdict(timed, now, dense, cut=cut, multiple=plan.limits.multiple)
    title = f"What will really shrink <span>· {percent(now.sparsity)} of the weights go</span>"
    return shrink_card(title, blocks(now, dense, cut=cut, timed=timed), " ".join(filter(None, (hint, escape(found)))))


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


#: What stands there where there is none, and before the first answer.
NOTHING = Cards("", "", "")
WAITING = Cards('<section class="card"><h3>Measuring…</h3></section>', "", "")


def method(plan: Plan) -> str:
    """What made a point of the trail, in words: points of different methods lie on no common line."""
    ways = (CRITERIA[plan.criterion], STRUCTURES[plan.structure], ALLOCATIONS[plan.allocation])
    return " · ".join(one.title for one in ways)


def measured(answer: Answer) -> tuple[float, float, str] | None:
    """The point for the trail; None while it is an estimate."""
    now: Measurement = answer.now
    known = not now.estimated and now.quality is not None
    return (now.sparsity, now.quality or 0.0, method(answer.plan)) if known else None
