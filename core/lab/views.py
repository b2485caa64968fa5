"""What *Inspect* and the thresholds of *Prune* draw: histograms of every pool, pictures of one layer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.graph import Graph, Weight
from core.lab import histogram, picture
from core.lab.library import Library, Opened, weights_of
from core.lab.shelf import Caller
from core.plan import Plan
from core.pruning import Pool, decide


def histograms(library: Library, opened: Opened, plan: Plan, bins: int, caller: Caller) -> dict[str, Any]:
    """The answer to ``histograms``: one entry per pool, in the network's order.

    ``edges`` and ``counts`` are of the scores (those beyond the axis are in its last bin), ``log_edges`` are log10 of
    the score, ``weight_edges`` and ``weight_counts`` of the signed weights behind the pool; ``threshold_max`` is where
    the axis ends.
    """
    pools = library.pools(opened, plan, caller)
    data = (plan.data, plan.calibration_batches, plan.calibration_size)
    key = ("histograms", opened.key, plan.structure, plan.criterion, plan.seed, data, bins)

    def drawn() -> list[dict[str, Any]]:
        rows = []
        for pool in pools.values():
            rows.append(_pool(opened, pool, bins))
            caller.breathe(len(rows), len(pools))
        return rows

    return {"pools": library.shelf.get(key, drawn, lambda rows: 8192 * len(rows), caller)}


def layer(library: Library, opened: Opened, plan: Plan, name: str, caller: Caller) -> dict[str, Any]:
    """The answer to ``layer``.

    Returns:
        ``weights``: per kernel name, role, shape, ``picture`` and ``kept`` (at most 256 x 256, see
        :mod:`core.lab.picture`), ``filters`` with ``filters_kept``, ``near_zero``, ``dead``. ``channels``: per pool of
        the layer the ``scores`` of its output channels (for single weights the mean over the row) and the share
        ``kept`` of each.
    """
    graph, arrays = opened.network.graph(), opened.network.arrays()
    kernels = weights_of(opened.network, name)
    pools = library.pools(opened, plan, caller)
    masks = decide(pools, plan, graph).masks
    pictures = []
    for weight in kernels:
        values = arrays[weight.name]
        mask = masks.get(weight.name)
        kept = np.ones(values.shape, np.bool_) if mask is None else mask.kept
        pictures.append(
            {
                **_words(weight),
                "picture": picture.matrix(values),
                "kept": picture.share(kept),
                "filters": picture.filters(values),
                "filters_kept": picture.filters(kept.astype(np.float32)),
                "filter_inputs": min(picture.FILTER_INPUTS, values.shape[1]) if values.ndim > 1 else 1,
                "near_zero": histogram.near_zero(values),
                "dead": histogram.dead(values),
                "removed": 0 if mask is None else mask.removed,
                "row_kept": kept.reshape(kept.shape[0], -1).mean(axis=1),
            }
        )
        caller.breathe(len(pictures), len(kernels))
    return {
        "layer": name,
        "weights": pictures,
        "channels": [_channels(pool, kernels, pictures) for pool in _pools_of(pools.values(), kernels, graph)],
        "near_zero": sum(int(one["near_zero"]) for one in pictures),
        "dead": sum(int(one["dead"]) for one in pictures),
        "size": sum(weight.size for weight in kernels),
    }


def _pool(opened: Opened, pool: Pool, bins: int) -> dict[str, Any]:
    kernels = _kernels(opened.network.graph(), pool)
    arrays = [opened.network.arrays()[weight.name] for weight in kernels]
    weights = arrays[0] if len(arrays) == 1 else np.concatenate([np.zeros(0), *(a.reshape(-1) for a in arrays)])
    scores, logs = histogram.linear(pool.scores, bins), histogram.logarithmic(pool.scores, bins)
    signed = histogram.signed(np.asarray(weights, np.float32), bins)
    return {
        "name": pool.name,
        "layer": pool.layer,
        "title": _title(opened.network.graph(), pool),
        "unit": pool.unit,
        "size": pool.size,
        "shape": list(kernels[0].shape) if pool.unit == "weight" and kernels else [pool.size],
        "edges": scores.edges,
        "counts": scores.counts,
        "threshold_max": float(scores.edges[-1]),
        "near_zero": histogram.near_zero(pool.scores),
        "dead": sum(histogram.dead(array) for array in arrays),
        "weight_edges": signed.edges,
        "weight_counts": signed.counts,
        "log_edges": logs.edges,
        "log_counts": logs.counts,
        "cuttable": pool.cuttable,
        "reason": pool.reason,
    }


def _kernels(graph: Graph, pool: Pool) -> list[Weight]:
    """The kernels a pool is about: its Weight, or those of the layer that names the group."""
    exact = [weight for weight in graph.weights() if weight.name == pool.name]
    return exact or [weight for weight in graph.weights() if weight.layer == pool.layer]


def _title(graph: Graph, pool: Pool) -> str:
    """The layer's name, with the kernel's role where the layer has several."""
    several = sum(weight.layer == pool.layer for weight in graph.weights()) > 1
    role = pool.name.rsplit(".", 1)[-1]
    return f"{pool.layer} {role}" if several and pool.unit == "weight" else pool.layer


def _words(weight: Weight) -> dict[str, Any]:
    return {"name": weight.name, "role": weight.role, "shape": list(weight.shape), "size": weight.size}


def _pools_of(pools: Any, kernels: list[Weight], graph: Graph) -> list[Pool]:
    names = {weight.name for weight in kernels}
    layer = kernels[0].layer
    return [pool for pool in pools if pool.name in names or (pool.unit != "weight" and pool.layer == layer)]


def _channels(pool: Pool, kernels: list[Weight], pictures: list[dict[str, Any]]) -> dict[str, Any]:
    index = next((i for i, weight in enumerate(kernels) if weight.name == pool.name), 0)
    rows = kernels[index].shape[0]
    scores: NDArray[np.floating[Any]] = pool.scores
    if pool.unit == "weight":
        scores = pool.scores.reshape(rows, -1).mean(axis=1)
    kept = pictures[index]["row_kept"] if len(scores) == rows else np.ones(len(scores))
    if pool.unit != "weight":
        kept = np.asarray(kept > 0, np.float64)  # columns that go with another group leave the channel standing
    return {"name": pool.name, "unit": pool.unit, "scores": np.asarray(scores), "kept": kept}
