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
        left, judged = int(stage["bytes"]), _judged(stage, quality)
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


def elsewhere(stages: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last stage, where its accuracy is that of another runtime's file and not of the network itself."""
    return stages[-1] if stages and stages[-1].get("file") else None


def tile(stages: Sequence[Mapping[str, Any]], quality: Quality) -> tuple[str, str, str] | None:
    """Label, value and change from dense of the file that :func:`elsewhere` speaks of."""
    last = elsewhere(stages)
    if last is None:
        return None
    title = f"{quality.title[0].upper()}{quality.title[1:]}, {last['file']}"
    change = points(_less(last["accuracy"], stages[0]["accuracy"])) if quality.share else UNKNOWN
    return title, quality.text(last["accuracy"]), f"{change}{quality.unit} from {quality.text(stages[0]['accuracy'])}"


def remarks(stages: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence on every step that made the compressed file larger, then what the steps said themselves."""
    told = []
    for place, stage in enumerate(stages):
        more = int(stage["bytes"]) - int(stages[place - 1]["bytes"]) if place > 1 else 0
        if more > 0:
            why = _GIVEN_UP if any(one["name"] == "sharing" for one in stages[:place]) else ""
            told.append(f"{stage['title']} made the file {size(more)} larger{why}.")
        told += [f"{stage['title']}: {sentence}" for sentence in stage.get("told") or ()]
    return told


#: What a step that writes values of its own does to shared ones.
_GIVEN_UP = ": it gives up the few values that weights shared for values of its own"


def _judged(stage: Mapping[str, Any], quality: Quality) -> str:
    """Its quality, and whose it is where it is not the network's own."""
    text = quality.text(stage["accuracy"], 2 if quality.share else 3)
    return f"{text} as {stage['file']}" if stage.get("file") else text


def _less(now: float | None, dense: float | None) -> float | None:
    return None if now is None or dense is None else now - dense


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
