"""Histograms: one large, or of two models over each other."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import altair as alt

from core.charts.frame import bar_top
from core.charts.specification import Row, Spec, colours, finished, source

Subject = Literal["importance", "log importance", "weights"]
_WORDS: dict[Subject, str] = {
    "importance": "importance",
    "log importance": "importance, log₁₀",
    "weights": "weight",
}


def histogram_rows(
    edges: Sequence[float], counts: Sequence[int], threshold: float | None = None, *, whole: bool = False
) -> list[Row]:
    """One row per bin that holds something. Bars that dwarf all others are cut off and carry their count.

    Args:
        edges: Bin edges, one more than counts.
        counts: Entries per bin.
        threshold: Bins that end at or below it are pruned; None prunes nothing.
        whole: Cut nothing off, as on a log axis.
    """
    top = max(counts, default=1) if whole else bar_top(counts)
    reach = max((abs(edge) for edge in edges), default=0.0) * 1e-9
    return [
        {
            "low": float(low),
            "high": float(high),
            "count": int(count),
            "height": int(min(count, top)),
            "label": f"{int(count):,} ↑" if count > top else "",
            "state": "pruned" if threshold is not None and high <= threshold + reach else "kept",
        }
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]


@lru_cache(maxsize=16)
def histogram_spec(subject: Subject, log_count: bool, mode: str | None) -> Spec:
    """Bars: scores kept in teal, pruned in amber; weights in grey, since no line between them can be drawn.

    On a log axis bars start just below 1, so that single entries show.
    """
    theme = colours(mode)
    y = alt.Y("height:Q", title="entries, log" if log_count else "entries")
    y = y.scale(type="log", domainMin=0.8, nice=False) if log_count else y.scale(zero=True)
    x = alt.X("low:Q", title=_WORDS[subject], scale=alt.Scale(nice=False, zero=False)).axis(grid=False, format="~g")
    base = source()
    bars = base.mark_bar(binSpacing=0.5).encode(
        x=x,
        x2="high:Q",
        y=y.axis(tickCount=5, format="~s"),
        y2=alt.Y2Datum(0.8 if log_count else 0),
        color=alt.value(theme.soft) if subject == "weights" else _state_colours(theme.kept, theme.pruned),
        tooltip=_bin_tooltip(_WORDS[subject]),
    )
    cut = base.transform_filter("datum.label !== ''").encode(x=x, y=y)
    chart = alt.layer(
        bars,
        cut.mark_rule(color=theme.background, strokeWidth=3, yOffset=10).encode(x2="high:Q"),
        cut.mark_text(align="left", baseline="top", dx=14, color=theme.ink).encode(text="label:N"),
    )
    return finished(chart, theme, 260)


def overlay_rows(models: Sequence[tuple[str, Sequence[float], Sequence[int]]]) -> list[Row]:
    """Histograms of several models as densities, so that different bins and sizes compare.

    Args:
        models: ``(name, edges, counts)``. Zeros are left out by whoever counts, if they should be.
    """
    rows = []
    for name, edges, counts in models:
        total = sum(counts) or 1
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
            width = (high - low) or 1.0
            rows.append(
                {
                    "model": name,
                    "low": float(low),
                    "high": float(high),
                    "count": int(count),
                    "density": count / total / width,
                }
            )
        rows.append({"model": name, "low": float(edges[-1]), "high": float(edges[-1]), "count": 0, "density": 0.0})
    return rows


@lru_cache(maxsize=8)
def overlay_spec(subject: Subject, mode: str | None) -> Spec:
    """Two staircases over each other: the first filled and quiet, the second a line."""
    theme = colours(mode)
    base = source().encode(
        x=alt.X("low:Q", title=_WORDS[subject], scale=alt.Scale(nice=False, zero=False)).axis(grid=False, format="~g"),
        y=alt.Y("density:Q", title="density", stack=None).axis(tickCount=5, format="~g"),
        color=alt.Color("model:N", title=None, sort=None, scale=alt.Scale(range=[theme.control, theme.kept])),
        tooltip=[alt.Tooltip("model:N", title="model"), *_bin_tooltip(_WORDS[subject])],
    )
    chart = alt.layer(
        base.mark_area(interpolate="step-after", opacity=0.22),
        base.mark_line(interpolate="step-after", strokeWidth=1.8),
    )
    return finished(chart, theme, 260)


def _state_colours(kept: str, pruned: str) -> alt.Color:
    return alt.Color("state:N", title=None).scale(domain=["kept", "pruned"], range=[kept, pruned])


def _bin_tooltip(words: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("low:Q", title=f"{words} from", format=".4g"),
        alt.Tooltip("high:Q", title="to", format=".4g"),
        alt.Tooltip("count:Q", title="entries", format=","),
    ]
