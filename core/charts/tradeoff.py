"""Accuracy against size: every run a line from dense to pruned, growing while it runs."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from core.charts.axes import AXES, SizeAxis
from core.charts.frame import padded, positive_range, share_range, size_range
from core.charts.quality import QUALITIES, Quality, is_regression, main_quality, qualities
from core.charts.runs import Line, title, untouched_first
from core.charts.specification import PERCENT, Row, Spec, colours, finished, only, source
from core.charts.theme import Palette
from core.charts.words import amount, count, number, percent, size
from core.controls import Role
from core.jobs.job import JobState
from core.measurement import Measurement

#: How far below the dense model *near dense* looks; what lies lower is drawn on the floor of the chart.
NEAR = 0.1
_HEIGHT = 440
#: Share of the range above and below it: the name of a line on its edge is whole in a low chart, too.
_AIR = 0.09
_PHASES = {"dense": "dense", "pruned": "just pruned", "epoch": "after an epoch", "final": "final"}


def dense_quality(lines: Sequence[Line], quality: Quality = QUALITIES["accuracy"]) -> float | None:
    """What the untouched model is worth on validation, from the newest run that measured it as it came."""
    found = [
        quality.value(point.measurement)
        for line in untouched_first(lines)
        for point in line.points
        if point.phase == "dense"
    ]
    return next((value for value in reversed(found) if value is not None), None)


def regression(lines: Sequence[Line]) -> bool:
    """Whether these runs are of a regression."""
    return is_regression(*(point.measurement for line in lines for point in line.points))


def front(ends: Sequence[tuple[float, float, str]], rises: bool = True) -> list[tuple[float, float, str]]:
    """Those of ``(size, quality, run)`` that nothing beats in both, largest first; an error is better the lower."""
    best: list[tuple[float, float, str]] = []
    sign = 1 if rises else -1
    for end in sorted(ends, key=lambda e: (e[0], -sign * e[1])):
        if not best or sign * end[1] > sign * best[-1][1]:
            best.append(end)
    return best[::-1]


def tradeoff_rows(
    lines: Sequence[Line],
    axis: str,
    *,
    near: bool = False,
    with_front: bool = True,
    with_controls: bool = True,
    chosen: str | None = None,
    measure: str = "accuracy",
) -> list[Row]:
    """All rows of the chart, the invisible corners of its frame among them.

    The frame spans every line, hidden controls included, so that switching them moves nothing.
    """
    meaning, quality = AXES[axis], QUALITIES[measure]
    placed = [(line, _placed(line, meaning, quality)) for line in lines]
    everything = [spot for _, spots in placed for spot in spots]
    if not everything:
        return []
    dense = dense_quality(lines, quality)
    low, high = _range([y for _, y, _ in everything], quality)
    if near and dense is not None and quality.rises:
        low = max(low, _range([dense - NEAR], quality)[0])
    sizes = size_range([x for x, _, _ in everything])
    rows = [_bare("frame", x, y) for x, y in zip(sizes, padded(low, high, _AIR), strict=True)]
    if dense is not None:
        said = quality.text(dense, 2 if quality.share else 3)
        rows.append({**_bare("dense", rows[1]["x"], dense), "label": f"dense {said}"})
    if with_front:
        ends = [(*spots[-1][:2], line.run.id) for line, spots in placed if spots and _counts(line)]
        starts = [(*spots[0][:2], line.run.id) for line, spots in placed if spots and spots[0][2] == 0]
        rows += _front_rows(front(ends + starts[:1], quality.rises), low)
    for line, spots in sorted(placed, key=lambda one: _depth(one[0], chosen)):
        if with_controls or line.role is Role.PRUNED:
            rows += _run_rows(line, spots, meaning, low, chosen)
    return rows


def sinks(rows: Sequence[Row]) -> bool:
    """Whether a point was drawn on the floor because it lies below the chart."""
    return any(row["sunk"] for row in rows)


def _front_rows(best: list[tuple[float, float, str]], floor: float) -> list[Row]:
    """The front as far as it lies above the floor, named at its end, away from the name of the dense line."""
    rows = [_bare("front", x, y) for x, y, _ in best if y >= floor]
    if len(rows) > 1:
        rows[-1]["label"] = "Pareto front"
    return rows


def _depth(line: Line, chosen: str | None) -> int:
    """Controls lie below, the open run on top."""
    return 2 if line.run.id == chosen else int(line.role is Role.PRUNED)


def _counts(line: Line) -> bool:
    """Whether a line's end is, or may become, a model that can be taken away."""
    return line.role is Role.PRUNED and (line.run.state is JobState.DONE or not line.run.state.finished)


def _range(values: Sequence[float], quality: Quality) -> tuple[float, float]:
    """Ends of the axis: round shares where all lies in [0, 1], else round numbers from 0 or from below it."""
    if quality.rises and min(values) >= 0:
        return share_range(values)
    top = positive_range(values)[1]
    return (min(values), top) if min(values) < 0 else (0.0, top)


def _placed(line: Line, axis: SizeAxis, quality: Quality) -> list[tuple[float, float, int]]:
    """``(size, quality, index of the point)`` of every point where both were measured."""
    spots = []
    for index, point in enumerate(line.points):
        if point.phase == "prepare":
            continue  # it is dense all the while; the line begins where pruning does
        x, y = axis.value(point.measurement), quality.value(point.measurement)
        if x is not None and y is not None:
            spots.append((float(x), float(y), index))
    return spots


def _run_rows(
    line: Line, spots: list[tuple[float, float, int]], axis: SizeAxis, floor: float, chosen: str | None
) -> list[Row]:
    """Its points. Epochs of a finished run heal along one vertical line: their dots show once it is opened."""
    rows = []
    for x, y, index in spots:
        point = line.points[index]
        last, open_ = index == spots[-1][2], line.run.id == chosen
        shown = last or open_ or not line.run.state.finished or point.phase != "epoch"
        rows.append(
            {
                **_bare("point", x, max(y, floor)),
                "sunk": y < floor,
                "run": line.run.id,
                "name": title(line.run, line.achieved),
                "order": index,
                "colour": line.colour,
                "width": 3.0 if open_ else 1.6,
                "area": (110 if last else 26 if shown else 0) * (1.5 if open_ else 1.0),
                "growing": last and not line.run.state.finished,
                "end": last,
                "phase": f"{_PHASES.get(point.phase, point.phase)}, step {point.step}, epoch {point.epoch}",
                "size": axis.text(point.measurement),
                **_details(point.measurement),
            }
        )
    return rows


def _details(m: Measurement) -> Row:
    """What hovering tells of a measurement, ready to read."""
    return {
        "accuracy": main_quality(m).of(m, 2 if m.r2 is None else 4),
        "f1": number(m.f1_macro if m.r2 is None else m.mae),
        "parameters": count(m.nonzero),
        "sparsity": percent(m.sparsity),
        "zipped": size(m.zipped_bytes),
        "macs": amount(m.effective_macs),
    }


def _bare(kind: str, x: float, y: float) -> Row:
    words = ("run", "name", "colour", "phase", "label", "size")
    details = ("accuracy", "f1", "parameters", "sparsity", "zipped", "macs")
    plain: Row = dict.fromkeys((*words, *details), "")
    return {
        "kind": kind,
        "x": x,
        "y": y,
        "order": 0,
        "width": 2.0,
        "area": 26,
        "growing": False,
        "end": False,
        "sunk": False,
        **plain,
    }


def view_name(axis: str, log: bool) -> str:
    """The selection that holds how far an axis is zoomed in; each axis has its own."""
    return f"view_{axis}_{'log' if log else 'linear'}"


@lru_cache(maxsize=64)
def tradeoff_spec(axis: str, log: bool, mode: str | None, measure: str = "accuracy") -> Spec:
    """The chart. Drag moves it, ctrl + wheel zooms, a double click shows all, a click on a run picks it (``pick``).

    A page watches :func:`view_name` too: Streamlit undoes a zoom that nobody watches whenever rows change.
    """
    theme = colours(mode)
    meaning, quality = AXES[axis], QUALITIES[measure]
    named = [QUALITIES[name].title for name in qualities(quality.regression)]
    scale = alt.Scale(type="log" if log else "linear", reverse=True, zero=False, nice=False)
    x = alt.X("x:Q", title=f"{meaning.title} (smaller to the right)", scale=scale).axis(
        labelExpr=meaning.label_expression(log),
        grid=False,
        labelOverlap="greedy",
        labelFlush=48,
        tickCount=12 if log else 8,
    )
    up = alt.Scale(zero=False, nice=False, reverse=not quality.rises)
    y = alt.Y("y:Q", title=f"{quality.title} on the validation split", scale=up).axis(
        labelExpr=PERCENT if quality.share else alt.Undefined, tickCount=7
    )
    base = source().encode(x=x, y=y)
    hover = alt.selection_point(name="hover", fields=["run"], on="pointerover", clear="pointerout")
    # Toggled, so that a second click on a point is told as well; which it was is where the selection changed.
    pick = alt.selection_point(name="pick", fields=["run", "order"], on="click", toggle="true", clear=False)
    zoom = "wheel![event.ctrlKey || event.metaKey]"
    view = alt.selection_interval(name=view_name(axis, log), bind="scales", zoom=zoom, translate=True)
    run = only(base, "point").encode(
        color=alt.Color("colour:N", scale=None, legend=None), order="order:Q", detail="run:N"
    )
    fade = alt.when(hover).then(alt.value(1)).otherwise(alt.value(0.25))
    tooltip = [
        alt.Tooltip(f"{name}:N", title=words)
        for name, words in (
            ("name", "run"),
            ("accuracy", f"{named[0]}, validation"),
            ("f1", named[1]),
            ("parameters", "parameters left"),
            ("sparsity", "sparsity"),
            ("zipped", "bytes, zipped"),
            ("macs", "effective MACs"),
            ("phase", "measured"),
        )
    ]
    name = only(base, "front").encode(text="label:N")
    beside: dict[str, Any] = {"align": "right", "baseline": "top", "dx": -9, "dy": 5}
    chart = alt.layer(
        base.transform_filter("datum.kind === 'frame'").mark_point(opacity=0, tooltip=False).add_params(view),
        only(base, "front").mark_line(
            color=theme.ink, strokeWidth=2, strokeDash=[0.1, 5], strokeCap="round", tooltip=False, clip=True
        ),
        only(source(), "dense").mark_rule(color=theme.ink, opacity=0.6, strokeDash=[4, 4], clip=True).encode(y=y),
        run.mark_line(strokeJoin="round", clip=True).encode(
            strokeWidth=alt.StrokeWidth("width:Q", scale=None), opacity=fade
        ),
        run.mark_point(filled=True, clip=True).encode(
            size=alt.Size("area:Q", scale=None, legend=None),
            shape=alt.when("datum.sunk").then(alt.value("triangle-down")).otherwise(alt.value("circle")),
            opacity=fade,
        ),
        run.transform_filter("datum.growing").mark_point(
            size=420, strokeWidth=1.5, strokeOpacity=0.6, filled=False, clip=True
        ),
        *_named_dense(y, theme),
        name.mark_text(**beside, color=theme.background, stroke=theme.background, strokeWidth=5),
        name.mark_text(**beside, color=theme.ink),
        run.mark_line(opacity=0, strokeWidth=12, clip=True, cursor="pointer").encode(tooltip=tooltip[0]),
        run.mark_circle(size=320, opacity=0, clip=True, cursor="pointer")
        .encode(tooltip=tooltip)
        .add_params(hover, pick),
    )
    return finished(chart, theme, _HEIGHT)


def _named_dense(y: alt.Y, theme: Palette) -> list[alt.Chart]:
    """The name of the dense line at its right end, readable over the lines that cross it."""
    base = only(source(), "dense").encode(y=y, x=alt.value("width"), text="label:N")
    look: dict[str, Any] = {"align": "right", "baseline": "bottom", "dy": -5, "clip": True}
    halo = base.mark_text(**look, color=theme.background, stroke=theme.background, strokeWidth=5)
    return [halo, base.mark_text(**look, color=theme.ink)]
