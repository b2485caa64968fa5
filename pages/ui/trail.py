"""Quality over sparsity of what was tried by hand, drawn in plain HTML (``st.html`` drops SVG)."""

from collections.abc import Sequence

from core.charts.quality import QUALITIES, Quality
from core.charts.words import percent

Point = tuple[float, float]


def trail(tried: Sequence[Point], here: Point, quality: Quality = QUALITIES["accuracy"]) -> str:
    """A line through what was measured, and a dot where the plan stands now."""
    known = dict(sorted({**dict(tried), here[0]: here[1]}.items()))
    low = min(known.values())
    floor = min(0.9, low - 0.05) if low < 0 else max(0.0, min(0.9, low - 0.05))
    spots = [(100 * s, 100 * (1 - (a - floor) / (1.001 - floor))) for s, a in known.items()]
    x, y = 100 * here[0], 100 * (1 - (here[1] - floor) / (1.001 - floor))
    dots = "".join(
        f'<i style="left:{px:.2f}%;top:{py:.2f}%" title="{quality.text(a)} at {percent(s)} sparsity"></i>'
        for (px, py), (s, a) in zip(spots, known.items(), strict=True)
    )
    said = quality.text(floor, 0) if quality.share else quality.text(floor, 2)
    return (
        f'<div class="trail"><div class="plot"><u style="left:{x:.2f}%"></u>'
        f'<div class="line" style="clip-path:{_stroke(spots)}"></div>{dots}'
        f'<i class="here" style="left:{x:.2f}%;top:{y:.2f}%"></i></div>'
        f'<div class="axis"><span>{said}</span><span>{quality.title} over sparsity, measured as you went</span>'
        f"<span>100 % sparse</span></div></div>"
    )


def _stroke(spots: Sequence[Point]) -> str:
    """A polygon one pixel above and below the line."""
    over = [f"{x:.2f}% calc({y:.2f}% - 1px)" for x, y in spots]
    under = [f"{x:.2f}% calc({y:.2f}% + 1px)" for x, y in reversed(spots)]
    return f"polygon({','.join(over + under)})"
