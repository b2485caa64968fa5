"""Loss and accuracy per epoch and per pruning step, drawn while a run trains."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

import altair as alt

from core.charts.frame import padded, positive_range, share_range
from core.charts.specification import PERCENT, Row, Spec, colours, finished, only, source
from core.charts.words import number, percent
from core.controls import total_epochs
from core.jobs.job import Event
from core.plan import Plan

Measure = Literal["loss", "accuracy"]
_SERIES = (("training", ""), ("validation", "validation_"))


def training_rows(events: Iterable[Event], plan: Plan, measure: Measure) -> list[Row]:
    """Rows of one of the two charts; empty until something was measured.

    Epochs count from 1 over the whole run; 0 is the untouched model. A pruning step lies after the epoch that was
    done before it, so that the drop it causes and the healing after it are both to be seen.
    """
    known = list(events)
    rows = _epochs(known, measure) + _states(known, measure)
    if not rows:
        return []
    values = [row["value"] for row in rows]
    low, high = padded(*share_range(values)) if measure == "accuracy" else positive_range(values)
    end = max([total_epochs(plan), 1, *(row["epoch"] for row in rows)])
    frame = [_row("frame", 0, low, ""), _row("frame", end, high, "")]
    return frame + rows + _steps(known)


def _epochs(events: Sequence[Event], measure: Measure) -> list[Row]:
    rows: dict[tuple[str, int], Row] = {}
    for event in events:
        if event.kind != "epoch":
            continue
        for series, prefix in _SERIES:
            value = event.data.get(prefix + measure)
            if value is not None:
                at = int(event.data["epoch"])
                rows[series, at] = _row("epoch", at, float(value), series, _said(value, measure))
    return sorted(rows.values(), key=lambda row: (row["series"], row["epoch"]))


def _states(events: Sequence[Event], measure: Measure) -> list[Row]:
    """What was measured before the first epoch and right after each pruning step."""
    rows = []
    for event in events:
        if event.kind == "point" and event.data["phase"] in ("dense", "pruned"):
            value = event.data["measurement"].get(measure)
            if value is not None:
                at, phase = int(event.data.get("epoch") or 0), str(event.data["phase"])
                rows.append(_row(phase, at, float(value), "validation", _said(value, measure)))
    return rows


def _steps(events: Sequence[Event]) -> list[Row]:
    """One rule per pruning step, at the epoch that was done before it."""
    rows, done = [], 0
    for event in events:
        if event.kind == "epoch":
            done = int(event.data["epoch"])
        elif event.kind == "pruned":
            text = (
                f"step {int(event.data['step'])} of {int(event.data['steps'])}: {percent(event.data['sparsity'])} gone"
            )
            rows.append(_row("step", done, 0.0, "", text))
    return rows


def _said(value: float, measure: Measure) -> str:
    return percent(value, 2) if measure == "accuracy" else number(value, 4)


def _row(kind: str, epoch: int, value: float, series: str, text: str = "") -> Row:
    return {"kind": kind, "epoch": epoch, "value": value, "series": series, "text": text}


@lru_cache(maxsize=8)
def training_spec(measure: Measure, mode: str | None) -> Spec:
    """Validation in ink, training fainter and dashed, pruning steps as amber rules, their drop as dots."""
    theme = colours(mode)
    words = "accuracy" if measure == "accuracy" else "loss (cross-entropy)"
    scale = alt.Scale(zero=False, nice=False)
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False)).axis(tickMinStep=1, format="d", grid=False)
    y = alt.Y("value:Q", title=words, scale=scale).axis(
        labelExpr=PERCENT if measure == "accuracy" else alt.Undefined, tickCount=6
    )
    base = source().encode(x=x, y=y)
    epoch = only(base, "epoch")
    order = ["validation", "training"]
    paint = alt.Scale(domain=order, range=[theme.kept, theme.soft])
    dash = alt.Scale(domain=order, range=[[1, 0], [4, 3]])
    look = epoch.encode(
        color=alt.Color("series:N", title=None, scale=paint),
        strokeDash=alt.StrokeDash("series:N", title=None, scale=dash),
    )
    tooltip = [
        alt.Tooltip("series:N", title="on"),
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("text:N", title=words),
    ]
    drop = [
        alt.Tooltip("epoch:Q", title="after epoch"),
        alt.Tooltip("text:N", title=f"validation {words}, just pruned"),
    ]
    chart = alt.layer(
        only(base, "frame").mark_point(opacity=0, tooltip=False),
        only(source(), "step")
        .mark_rule(color=theme.pruned, opacity=0.55, strokeWidth=1.5)
        .encode(x=x, tooltip=alt.Tooltip("text:N", title="pruned")),
        look.mark_line(strokeWidth=2, tooltip=False),
        epoch.mark_circle(size=36, opacity=1).encode(
            color=alt.when("datum.series === 'validation'")
            .then(alt.value(theme.kept))
            .otherwise(alt.value(theme.soft)),
            tooltip=tooltip,
        ),
        only(base, "dense")
        .mark_circle(size=60, color=theme.ink, opacity=1)
        .encode(tooltip=[alt.Tooltip("text:N", title="dense, validation")]),
        only(base, "pruned").mark_circle(size=60, color=theme.pruned, opacity=1).encode(tooltip=drop),
    )
    return finished(chart, theme, 250)
