"""Before and after of a run: the two measurements, and how its quality changed as the first of its tiles."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.charts.quality import main_quality
from core.charts.runs import Line
from core.charts.waterfall import tile
from core.measurement import Measurement

#: Label, value, and what it was.
Tile = tuple[str, str, str]


def ends(line: Line) -> tuple[Measurement, Measurement] | None:
    """Before and after: on the test split once it is measured, else on validation so far; None before both are."""
    run = line.run
    if run.before is not None and run.after is not None:
        return run.before, run.after
    first = next((point for point in line.points if point.phase == "dense"), None) or next(iter(line.points), None)
    if first is None or line.latest is None:
        return None
    return first.measurement, line.latest


def quality_tiles(before: Measurement, now: Measurement, stages: Sequence[Mapping[str, Any]] = ()) -> list[Tile]:
    """One tile; of a run that ended in another runtime's file a second one, with what that file is worth."""
    quality, other = main_quality(now, before), tile(stages, main_quality(now, before))
    title = f"{quality.title[0].upper()}{quality.title[1:]}"
    told = (quality.of(now), f"{quality.change(now, before)}{quality.unit} from {quality.of(before)}")
    if other is None:
        return [(f"{title}, {now.split}", *told)]
    return [(f"{title}, model file", *told), other]  # whose it is comes first: a narrow tile shows no more
