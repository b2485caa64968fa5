"""All layers at a glance: one small tile each, with the histograms of its importance and of its weights."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from core.charts.frame import bar_top, crowded
from core.charts.words import count, percent
from core.registry import Registry


@dataclass(frozen=True)
class Plot:
    """One small histogram. ``heights`` are in [0, 1]; the first ``pruned`` bins lie below the threshold.

    Bins of ``cut`` reach beyond the axis and are drawn cut off. ``outline`` are heights drawn as a line over the bars.
    """

    subject: str
    axis: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    heights: tuple[float, ...]
    pruned: int
    cut: tuple[int, ...] = ()
    outline: tuple[float, ...] = ()


@dataclass(frozen=True)
class Tile:
    """One pool: a Weight, or a group of channels."""

    pool: str
    layer: str
    title: str
    shape: str
    size: int
    sparsity: float
    importance: float
    plots: tuple[Plot, ...]
    note: str


@dataclass(frozen=True)
class Order:
    """One way to sort the tiles; the smallest ``key`` comes first."""

    name: str
    title: str
    key: Callable[[Tile], float]


ORDERS: Registry[Order] = Registry(
    "order",
    (
        Order("network", "network order", lambda tile: 0.0),
        Order("size", "largest first", lambda tile: -tile.size),
        Order("sparsity", "sparsest first", lambda tile: -tile.sparsity),
        Order("importance", "least important first", lambda tile: tile.importance),
    ),
)


def tiles(
    pools: Sequence[Mapping[str, Any]],
    planned: Sequence[Mapping[str, Any]],
    *,
    importance: bool,
    weights: bool,
    log: bool,
    order: str,
) -> list[Tile]:
    """The tiles in the order asked for.

    Args:
        pools: ``histograms`` as the lab answers it.
        planned: ``pools`` of the lab's ``preview``: what the plan removes of each.
        importance: Whether to draw the scores.
        weights: Whether to draw the weights.
        log: Scores on a log axis, weights with log counts.
        order: A name of :data:`ORDERS`.
    """
    by_name = {plan["name"]: plan for plan in planned}
    made = [_tile(pool, by_name.get(pool["name"], {}), importance, weights, log) for pool in pools]
    return sorted(made, key=ORDERS[order].key)


def _tile(pool: Mapping[str, Any], plan: Mapping[str, Any], importance: bool, weights: bool, log: bool) -> Tile:
    plots = []
    if importance:
        plots.append(_scores(pool, plan, log))
    if weights:
        plots.append(_plot("weights", "weight", pool["weight_edges"], pool["weight_counts"], 0, log))
    shape = " × ".join(str(side) for side in pool["shape"])
    return Tile(
        pool=pool["name"],
        layer=pool["layer"],
        title=pool["title"],
        shape=shape if pool["unit"] == "weight" else f"{count(pool['size'])} {pool['unit']}s",
        size=int(pool["size"]),
        sparsity=float(plan.get("sparsity") or 0.0),
        importance=mean_score(pool["edges"], pool["counts"]),
        plots=tuple(plots),
        note=_note(pool, plan),
    )


def _scores(pool: Mapping[str, Any], plan: Mapping[str, Any], log: bool) -> Plot:
    edges, counts = (pool["log_edges"], pool["log_counts"]) if log else (pool["edges"], pool["counts"])
    words = "importance, log₁₀" if log else "importance"
    return _plot("importance", words, edges, counts, pruned_bins(edges, plan, log), False)


def pruned_bins(edges: Sequence[float], plan: Mapping[str, Any], log: bool) -> int:
    """How many bins lie below the threshold of a pool's plan, to the nearest edge."""
    threshold = plan.get("threshold")
    if not plan.get("removed") or threshold is None:
        return 0
    if plan["removed"] >= plan["size"]:
        return len(edges) - 1
    place = (log10(threshold) if threshold > 0 else float("-inf")) if log else float(threshold)
    width = (edges[-1] - edges[0]) / (len(edges) - 1)
    return int(min(max(round((max(place, edges[0]) - edges[0]) / width), 0), len(edges) - 1))


def mean_score(edges: Sequence[float], counts: Sequence[int]) -> float:
    """The mean of what a histogram holds, each entry counted at the middle of its bin."""
    total = int(sum(counts))
    middles = ((low + high) / 2 for low, high in zip(edges[:-1], edges[1:], strict=True))
    return sum(float(m) * int(n) for m, n in zip(middles, counts, strict=True)) / total if total else 0.0


def _plot(subject: str, axis: str, edges: Sequence[float], counts: Sequence[int], pruned: int, log: bool) -> Plot:
    whole = tuple(int(n) for n in counts)
    sized = [log10(1 + n) for n in whole] if log else [float(n) for n in whole]
    top = (max(sized, default=0.0) or 1.0) if log or "log" in axis else float(bar_top(whole))
    heights = tuple(round(min(h / top, 1.0), 4) for h in sized)
    cut = tuple(place for place, h in enumerate(sized) if h > top)
    return Plot(subject, axis, tuple(map(float, edges)), whole, heights, pruned, cut)


def usual_scale(pools: Iterable[Mapping[str, Any]]) -> str:
    """ "log" where a linear axis would crowd some layer into one bar, else "linear"."""
    return "log" if any(crowded(pool[of]) for pool in pools for of in ("counts", "weight_counts")) else "linear"


def _note(pool: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """One short line: what the plan takes, what is nearly nothing already."""
    parts = [f"{percent(plan['sparsity'])} pruned"] if plan.get("removed") else []
    if pool["near_zero"]:
        parts.append(f"{count(int(pool['near_zero']))} near zero")
    if pool["dead"]:
        parts.append(f"{count(int(pool['dead']))} dead")
    if pool.get("spread"):
        parts.append(f"scores ± {percent(pool['spread'], 0)} between batches")
    return " · ".join(parts) or "nothing pruned"
