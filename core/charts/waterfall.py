"""From dense to compressed: what is left on disk after every step, and what it cost in accuracy."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from core.charts.quality import Quality
from core.charts.specification import Row, Spec, colours, finished, source
from core.charts.words import GAP, UNKNOWN, duration, points, size

#: Pixels that a stage takes, and those of the axis below.
_STAGE, _AXIS = 42, 50


def waterfall_rows(stages: Sequence[Mapping[str, Any]], quality: Quality) -> list[Row]:
    """One row a stage (:class:`core.results.Stage` as plain values), in their order.

    Args:
        stages: Dense, pruned, each step.
        quality: What their ``accuracy`` is.
    """
    if not stages:
        return []
    dense, rows = stages[0], []
    before = int(dense["bytes"])
    for place, stage in enumerate(stages):
        left, judged = int(stage["bytes"]), quality.text(stage["accuracy"], 2 if quality.share else 3)
        smaller = int(dense["bytes"]) / max(left, 1)
        times = f"{smaller:.1f}× smaller" if place else ""
        rows.append(
            {
                "place": place,
                "stage": stage["title"],
                "bytes": left,
                "before": max(before, left),
                "figures": " · ".join(filter(None, (size(left), times, judged))),
                "size": f"{size(left)} ({left:,}{GAP}bytes)",
                "smaller": times or UNKNOWN,
                "quality": judged,
                "change": _change(stage["accuracy"], dense["accuracy"], quality),
                "time": UNKNOWN if stage["seconds"] is None else duration(stage["seconds"]),
            }
        )
        before = left
    return rows


def _change(now: float | None, dense: float | None, quality: Quality) -> str:
    if now is None or dense is None:
        return UNKNOWN
    return f"{points(now - dense, 2)} points" if quality.share else f"{now - dense:+.3f}"


@lru_cache(maxsize=64)
def waterfall_spec(quality: str, stages: int, mode: str | None) -> Spec:
    """A bar a stage: what is left in the colour of what is kept, what the step took in that of what went.

    Args:
        quality: What the stages' quality is called.
        stages: How many there are.
        mode: ``"light"`` or ``"dark"``.
    """
    theme = colours(mode)
    base = source().encode(
        y=alt.Y("place:O", title="step", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0)),
        tooltip=[
            alt.Tooltip("stage:N", title="after"),
            alt.Tooltip("size:N", title="on disk"),
            alt.Tooltip("smaller:N", title="than dense"),
            alt.Tooltip("quality:N", title=f"{quality}, test"),
            alt.Tooltip("change:N", title="from dense"),
            alt.Tooltip("time:N", title="took"),
        ],
    )
    across = alt.X("bytes:Q", title="bytes on disk", scale=alt.Scale(zero=True, nice=False)).axis(
        tickCount=4, labelExpr=_BYTES, grid=False
    )
    low: dict[str, Any] = {"height": 12, "yOffset": 10, "cornerRadiusEnd": 2}
    layers = [
        base.mark_bar(color=theme.pruned, opacity=0.28, **low).encode(x=across, x2="before:Q"),
        base.mark_bar(color=theme.kept, opacity=1, **low).encode(x=across),
        base.mark_text(align="left", baseline="middle", dy=-9, fontWeight="bold").encode(
            x=alt.value(0), text="stage:N"
        ),
        base.mark_text(align="right", baseline="middle", dy=-9, color=theme.soft).encode(
            x=alt.value("width"), text="figures:N"
        ),
    ]
    return finished(alt.layer(*layers), theme, _STAGE * stages + _AXIS)


_BYTES = (
    "datum.value >= 1e6 ? format(datum.value / 1e6, '.3~g') + ' MB' : "
    "datum.value >= 1e3 ? format(datum.value / 1e3, '.3~g') + ' kB' : format(datum.value, ',') + ' B'"
)
