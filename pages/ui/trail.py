"""Quality over sparsity of what was tried by hand, drawn in plain HTML (``st.html`` drops SVG)."""

from collections.abc import Sequence
from html import escape

from core.charts.quality import QUALITIES, Quality
from core.charts.words import percent

Point = tuple[float, float]


def trail(
    tried: Sequence[Point],
    here: Point,
    quality: Quality = QUALITIES["accuracy"],
    others: Sequence[tuple[float, float, str]] = (),
) -> str:
    """A line through what was measured by the method at hand, and a dot where the plan stands now.

    ``others``: points of other methods and their names, as grey dots; a line to them would promise what nobody saw.
    """
    known = dict(sorted({**dict(tried), here[0]: here[1]}.items()))
    low = min([*known.values(), *(a for _, a, _ in others)])
    floor = min(0.9, low - 0.05) if low < 0 else max(0.0, min(0.9, low - 0.05))

    def spot(sparsity: float, value: float) -> Point:
        return 100 * sparsity, 100 * (1 - (value - floor) / (1.001 - floor))

    def dot(point: Point, said: str = "") -> str:
        (x, y), (sparsity, value) = spot(*point), point
        words = f"{quality.text(value)} at {percent(sparsity)} sparsity{f': {escape(said)}' if said else ''}"
        look = " class=other" if said else ""
        return f'<i{look} style="left:{x:.2f}%;top:{y:.2f}%" title="{words}"></i>'

    x, y = spot(*here)
    dots = "".join([*(dot((s, a), by or "another method") for s, a, by in others), *map(dot, known.items())])
    top, bottom = (quality.text(value, 0 if quality.share else 2) for value in (1.0, floor))
    return (
        f'<div class="trail"><div class="ends"><span>{top}</span><span>{bottom}</span></div>'
        f'<div class="plot"><u style="left:{x:.2f}%"></u>'
        f'<div class="line" style="clip-path:{_stroke([spot(*point) for point in known.items()])}"></div>{dots}'
        f'<i class="here" style="left:{x:.2f}%;top:{y:.2f}%"></i></div>'
        f'<div class="axis"><span>0</span><span>{quality.title} over sparsity, measured as you went</span>'
        f"<span>100\N{NO-BREAK SPACE}%</span></div></div>"
    )


def _stroke(spots: Sequence[Point]) -> str:
    """A polygon one pixel above and below the line."""
    over = [f"{x:.2f}% calc({y:.2f}% - 1px)" for x, y in spots]
    under = [f"{x:.2f}% calc({y:.2f}% + 1px)" for x, y in reversed(spots)]
    return f"polygon({','.join(over + under)})"
