"""One layer opened: the lab's answers as the few things that are drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.artefacts import read_masks
from core.charts.histograms import Subject, histogram_rows
from core.charts.specification import Row
from core.charts.wall import pruned_bins
from core.charts.words import GAP, count, percent
from core.jobs.job import Run


def layer_facts(answer: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, number and what it is a part of, for the strip above a layer."""
    size, units = int(answer["size"]), sum(int(weight["shape"][0]) for weight in answer["weights"])
    removed = sum(int(weight["removed"]) for weight in answer["weights"])
    near = int(answer["near_zero"])
    shapes = ", ".join(" × ".join(map(str, weight["shape"])) for weight in answer["weights"])
    return [
        ("Weights", count(size), shapes),
        ("Pruned by the plan", percent(removed / size if size else 0.0), f"{count(removed)} weights"),
        ("Near zero", percent(near / size if size else 0.0), f"{count(near)} with |w| ≤ 1{GAP}% of the layer's RMS"),
        ("Dead units", count(int(answer["dead"])), f"of {count(units)}"),
    ]


def score_rows(pool: Mapping[str, Any], plan: Mapping[str, Any], log: bool) -> list[Row]:
    """The importance of a pool's units, those below the plan's threshold marked."""
    edges, counts = (pool["log_edges"], pool["log_counts"]) if log else (pool["edges"], pool["counts"])
    cut = pruned_bins(edges, plan, log)
    return histogram_rows(edges, counts, float(edges[cut]) if cut else None, whole=log)


def score_subject(log: bool) -> Subject:
    """What the importance histogram's axis shows."""
    return "log importance" if log else "importance"


def nonzero_counts(pool: Mapping[str, Any], zeros: int) -> list[int]:
    """Counts of the weights' histogram without the exact zeros, which lie in the bin that holds 0."""
    counts = [int(n) for n in pool["weight_counts"]]
    edges = pool["weight_edges"]
    place = next((i for i in range(len(counts)) if edges[i] <= 0 < edges[i + 1]), None)
    if place is not None:
        counts[place] = max(0, counts[place] - zeros)
    return counts


def zeros_of(run: Run | None, weight: str, shape: Sequence[int]) -> int:
    """How many entries of a Weight of that shape a run set to zero; none where it cut them off, or without a run."""
    if run is None or "masks" not in run.artefacts:
        return 0
    mask = read_masks(run.artefacts["masks"]).get(weight)
    return mask.removed if mask is not None and mask.kept.shape == tuple(shape) else 0
