"""The weights of every layer while a run trains: one small histogram each, on axes that stand still."""

from collections.abc import Iterable, Mapping
from math import log1p
from typing import Any

from core.charts.wall import Plot, Tile
from core.charts.words import count, percent
from core.jobs.job import Event


def snapshots(events: Iterable[Event]) -> dict[int, Mapping[str, Any]]:
    """By epoch what the run last said of its weights there; 0 is before the first."""
    return {int(event.data["epoch"]): event.data for event in events if event.kind == "histogram"}


def moving_tiles(now: Mapping[str, Any], start: Mapping[str, Any]) -> list[Tile]:
    """One tile per Weight: what is kept of it, with log counts, over its outline when the run began.

    Args:
        now: Data of a ``histogram`` event.
        start: That of the run's first; sizes and axes are its.
    """
    before = start["layers"]
    return [_tile(name, row, before.get(name, row)) for name, row in now["layers"].items()]


def _tile(name: str, row: Mapping[str, Any], start: Mapping[str, Any]) -> Tile:
    counts, gone = [int(n) for n in row["counts"]], int(row["gone"])
    size = sum(counts) + gone
    # Tall enough for the start, and for a peak at zero that a penalty grows: the axis never moves.
    top = log1p(max(size, 1))
    middle = len(counts) // 2
    near = counts[middle] / size if size else 0.0
    return Tile(
        pool=name,
        layer=name.rpartition(".")[0],
        title=name.removesuffix(".kernel"),
        shape=f"{count(size)} weights",
        size=size,
        sparsity=gone / size if size else 0.0,
        importance=0.0,
        plots=(
            Plot(
                "weights",
                "weight, log counts",
                tuple(float(edge) for edge in row["edges"]),
                tuple(counts),
                tuple(round(log1p(n) / top, 4) for n in counts),
                0,
                outline=tuple(round(log1p(int(n)) / top, 4) for n in start["counts"]),
            ),
        ),
        note=f"{percent(gone / size)} pruned · {percent(near)} around 0" if gone else f"{percent(near)} around 0",
    )
