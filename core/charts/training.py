"""Loss and quality per epoch and per pruning step, drawn while a run trains."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import altair as alt

from core.charts.frame import padded, positive_range, share_range
from core.charts.quality import QUALITIES, loss_title
from core.charts.specification import PERCENT, Row, Spec, colours, finished, only, source
from core.charts.theme import Palette
from core.charts.words import number, percent
from core.controls import total_epochs
from core.jobs.job import Event
from core.measurement import Measurement
from core.plan import Plan

#: "loss", or a name of ``core.charts.quality.QUALITIES``.
Measure = str
_SERIES = (("training", ""), ("validation", "validation_"))
#: What an epoch tells of the training split too; its "accuracy" is R² of a regression.
_TOLD = {"loss": "loss", "accuracy": "accuracy", "r2": "accuracy"}


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
    low, high = padded(*share_range(values)) if _bounded(measure, values) else _open_range(values)
    end = max([total_epochs(plan), 1, *(row["epoch"] for row in rows)])
    frame = [_row("frame", 0, low, ""), _row("frame", end, high, "")]
    return frame + _preparation(known, plan) + rows + _steps(known) + _exchanges(known)


def _epochs(events: Sequence[Event], measure: Measure) -> list[Row]:
    rows: dict[tuple[str, int], Row] = {}
    for event in events:
        if event.kind != "epoch":
            continue
        for series, prefix in _SERIES:
            value = event.data.get(prefix + _TOLD[measure]) if measure in _TOLD else None
            if value is not None:
                at = int(event.data["epoch"])
                rows[series, at] = _row("epoch", at, float(value), series, _said(value, measure))
    if measure not in _TOLD:
        rows = {("validation", row["epoch"]): row for row in _measured(events, measure, ("prepare", "epoch"), "epoch")}
    return sorted(rows.values(), key=lambda row: (row["series"], row["epoch"]))


def _states(events: Sequence[Event], measure: Measure) -> list[Row]:
    """What was measured before the first epoch and right after each pruning step."""
    return _measured(events, measure, ("dense", "pruned"))


def _measured(events: Sequence[Event], measure: Measure, phases: tuple[str, ...], kind: str = "") -> list[Row]:
    """Measured states of those phases; rows are of ``kind``, or of the phase's name."""
    rows = []
    for event in events:
        if event.kind == "point" and event.data["phase"] in phases:
            value = _value(Measurement.from_dict(event.data["measurement"]), measure)
            if value is not None:
                at, phase = int(event.data.get("epoch") or 0), str(event.data["phase"])
                rows.append(_row(kind or phase, at, float(value), "validation", _said(value, measure)))
    return rows


def _value(measured: Measurement, measure: Measure) -> float | None:
    return measured.loss if measure == "loss" else QUALITIES[measure].value(measured)


def _preparation(events: Sequence[Event], plan: Plan) -> list[Row]:
    """The stretch of epochs before the first pruning step."""
    epochs = plan.preparation.epochs
    if not epochs or not any(event.data.get("phase") == "prepare" for event in events if event.kind == "epoch"):
        return []
    return [_row("prepare", 0, float(epochs), "", "preparation")]


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


def _exchanges(events: Sequence[Event]) -> list[Row]:
    """Epochs after which some of the kept weights are others than before."""
    found = [(event.data, float(event.data.get("exchanged") or 0)) for event in events if event.kind == "histogram"]
    return [
        _row("exchanged", int(data["epoch"]), share, "", f"{percent(share)} of the kept weights exchanged")
        for data, share in found
        if share
    ]


def _said(value: float, measure: Measure) -> str:
    return percent(value, 2) if _percent(measure) else number(value, 4)


def _percent(measure: Measure) -> bool:
    return measure != "loss" and QUALITIES[measure].share


def _bounded(measure: Measure, values: Sequence[float]) -> bool:
    """Whether all lies in [0, 1], where an axis may end close to the values."""
    return measure in ("accuracy", "f1_macro", "r2") and min(values) >= 0


def _open_range(values: Sequence[float]) -> tuple[float, float]:
    """From 0, or from below it where values are negative, as R² may be; losses that diverged are cut off."""
    low = min(values)
    top = positive_range(values)[1]
    return (low - 0.05 * (top - low), top) if low < 0 else (0.0, top)


def _row(kind: str, epoch: int, value: float, series: str, text: str = "") -> Row:
    return {"kind": kind, "epoch": epoch, "value": value, "series": series, "text": text}


def _prepared(x: alt.X, theme: Palette) -> list[alt.Chart]:
    """The stretch of the preparation, named at its foot."""
    base = only(source(), "prepare").encode(x=x)
    return [
        base.mark_rect(color=theme.soft, opacity=0.09, tooltip=False).encode(x2="value:Q"),
        base.mark_text(align="left", baseline="bottom", dx=6, dy=-5, color=theme.soft, tooltip=False).encode(
            text="text:N", y=alt.value("height")
        ),
    ]


@lru_cache(maxsize=16)
def training_spec(measure: Measure, mode: str | None, regression: bool = False) -> Spec:
    """Validation in ink, training fainter and dashed, pruning steps as amber rules, their drop as dots."""
    theme = colours(mode)
    words = loss_title(regression) if measure == "loss" else QUALITIES[measure].title
    scale = alt.Scale(zero=False, nice=False)
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False)).axis(tickMinStep=1, format="d", grid=False)
    y = alt.Y("value:Q", title=words, scale=scale).axis(
        labelExpr=PERCENT if _percent(measure) else alt.Undefined, tickCount=6
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
        *_prepared(x, theme),
        only(source(), "step")
        .mark_rule(color=theme.pruned, opacity=0.55, strokeWidth=1.5)
        .encode(x=x, tooltip=alt.Tooltip("text:N", title="pruned")),
        only(source(), "exchanged")
        .mark_point(shape="triangle-up", filled=True, color=theme.pruned, opacity=0.9, yOffset=-6)
        .encode(
            x=x,
            y=alt.value("height"),
            size=alt.Size("value:Q", legend=None, scale=alt.Scale(domain=[0, 0.3], range=[20, 220], clamp=True)),
            tooltip=[alt.Tooltip("epoch:Q", title="in epoch"), alt.Tooltip("text:N", title="masks")],
        ),
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
