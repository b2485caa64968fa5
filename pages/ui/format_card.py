"""What came of one format, as HTML."""

from html import escape

from core.charts.making import compared_on
from core.charts.words import UNKNOWN, count, duration, number, percent, points
from core.exports import Made, Refused
from core.formats import FORMATS


def worth(found: Made | Refused | None, refused: str) -> str:
    """What was measured, or why there is nothing to measure."""
    if refused:
        return f'<p class="none">{escape(refused)}</p>'
    if not isinstance(found, Made):
        return ""
    whole = "R²" if found.quality == "r2" else "accuracy"
    worth = number(found.accuracy) if found.quality == "r2" else percent(found.accuracy, 2)
    if FORMATS[found.format].quantised and found.quality == "accuracy" and found.accuracy is not None:
        worth += f" ({points(found.accuracy - (found.accuracy_before or 0.0), 2)})"
    cells = (
        ("largest difference", f"{found.difference:.1e}" if found.difference else "0"),
        (whole, worth),
        ("zeros in the file", _zeros(found)),
        ("written in", duration(found.seconds) if found.seconds >= 1 else "under 1 s"),
    )
    facts = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in cells)
    like = "accuracy within a point" if FORMATS[found.format].quantised else "the same"
    verdict = like if found.same else "not the same"
    mark = f'<em class="{"same" if found.same else "other"}">{verdict} {escape(compared_on(found))}</em>'
    notes = f'<p class="soft">{escape(" ".join(found.notes))}</p>' if found.notes else ""
    return f'<div class="facts">{facts}</div>{mark}{notes}'


def _zeros(found: Made) -> str:
    if found.zeros_found is None:
        return UNKNOWN
    return "all kept" if found.zeros_found >= found.zeros else f"{count(found.zeros_found)} of {count(found.zeros)}"
