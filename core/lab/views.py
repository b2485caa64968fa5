"""What *Inspect* and the thresholds of *Prune* draw: histograms of every pool, pictures of one layer."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from core.edits import ranked
from core.graph import Graph, Weight
from core.lab import histogram, picture
from core.lab.library import Library, Opened, data_key, weights_of
from core.lab.shelf import Caller
from core.plan import Plan
from core.pruning import Pool, unranked
from core.scores import Flags
from core.structures import STRUCTURES

#: Units of a layer that are drawn one by one; of more, or of single weights, the mean of each output.
_MOST_UNITS = 512


def histograms(library: Library, opened: Opened, plan: Plan, bins: int, caller: Caller) -> dict[str, Any]:
    """The answer to ``histograms``: one entry per pool, in the network's order.

    ``edges`` and ``counts`` are of the scores (those beyond the axis are in its last bin), ``log_edges`` are log10 of
    the score, ``weight_edges`` and ``weight_counts`` of the signed weights behind the pool; ``threshold_max`` is where
    the axis ends; ``spread`` is the relative standard error of the scores over the calibration batches, None without
    any. ``left_out`` says of each layer without a pool why it has none: no such units, or nothing the criterion could
    go by.
    """
    pools = library.pools(opened, plan, caller)
    key = ("histograms", opened.key, data_key(plan.data), repr(ranked(plan)), bins)

    def drawn() -> list[dict[str, Any]]:
        rows = []
        for pool in pools.values():
            rows.append(_pool(opened, pool, bins))
            caller.breathe(len(rows), len(pools))
        return rows

    rows = library.shelf.get(key, drawn, lambda rows: 8192 * len(rows), caller)
    return {"pools": rows, "left_out": _left_out(opened.network.graph(), plan)}


def _left_out(graph: Graph, plan: Plan) -> dict[str, str]:
    structure = STRUCTURES[plan.structure]
    layers = {unit.name: unit.layer for unit in structure.units(graph)}
    mute = {layers[name]: f"the criterion cannot rank it: {reason}" for name, reason in unranked(graph, plan).items()}
    return {**structure.left_out(graph), **mute}


def layer(library: Library, opened: Opened, plan: Plan, name: str, caller: Caller) -> dict[str, Any]:
    """The answer to ``layer``.

    Returns:
        ``weights``: per kernel name, role, shape, ``picture`` and ``kept`` (at most 256 x 256, see
        :mod:`core.lab.picture`), ``filters`` with ``filters_kept``, ``near_zero``, ``dead``. ``channels``: per pool of
        the layer the ``scores`` of its units and the share ``kept`` of each; of single weights, and of very many
        units, the mean over each output instead (``unit`` is then "channel").
    """
    graph, arrays = opened.network.graph(), opened.network.arrays()
    kernels = weights_of(opened.network, name)
    pools = library.pools(opened, plan, caller)
    masks = library.decision(opened, plan, caller).masks
    gone = STRUCTURES[plan.structure].gone(graph, masks)
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
            }
        )
        caller.breathe(len(pictures), len(kernels))
    return {
        "layer": name,
        "weights": pictures,
        "channels": [_units(pool, kernels, gone) for pool in _pools_of(pools.values(), kernels)],
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
        "shape": list(kernels[0].shape) if kernels and pool.name == kernels[0].name else [pool.size],
        "edges": scores.edges,
        "counts": scores.counts,
        "threshold_max": float(scores.edges[-1]),
        "near_zero": histogram.near_zero(pool.scores),
        "dead": sum(histogram.dead(array) for array in arrays),
        "weight_edges": signed.edges,
        "weight_counts": signed.counts,
        "log_edges": logs.edges,
        "log_counts": logs.counts,
        "spread": pool.spread,
        "cuttable": pool.cuttable,
        "reason": pool.reason,
    }


def _kernels(graph: Graph, pool: Pool) -> list[Weight]:
    """The kernels a pool is about: its Weight, or those of the layer that names the group."""
    exact = [weight for weight in graph.weights() if weight.name == pool.name]
    return exact or [weight for weight in graph.weights() if weight.layer == pool.layer]


def _title(graph: Graph, pool: Pool) -> str:
    """The layer's name, with the kernel's role where the layer has several."""
    of_layer = [weight.name for weight in graph.weights() if weight.layer == pool.layer]
    role = pool.name.rsplit(".", 1)[-1]
    return f"{pool.layer} {role}" if len(of_layer) > 1 and pool.name in of_layer else pool.layer


def _words(weight: Weight) -> dict[str, Any]:
    return {"name": weight.name, "role": weight.role, "shape": list(weight.shape), "size": weight.size}


def _pools_of(pools: Iterable[Pool], kernels: list[Weight]) -> list[Pool]:
    """The pools that are about a layer: one for each kernel, or the group that bears its name."""
    names, layer = {weight.name for weight in kernels}, kernels[0].layer
    return [pool for pool in pools if pool.name in names or pool.layer == layer]


def _units(pool: Pool, kernels: list[Weight], gone: Mapping[str, Flags]) -> dict[str, Any]:
    scores = np.asarray(pool.scores, np.float64)
    kept = 1.0 - np.asarray(gone.get(pool.name, np.zeros(pool.size, np.bool_)), np.float64).reshape(-1)
    weight = next((one for one in kernels if one.name == pool.name), None)
    if weight is None or (pool.unit != "weight" and pool.size <= _MOST_UNITS) or pool.size % weight.shape[0]:
        return {"name": pool.name, "unit": pool.unit, "scores": scores, "kept": kept}
    rows = (array.reshape(weight.shape[0], -1).mean(axis=1) for array in (scores, kept))
    return {"name": pool.name, "unit": "channel", **dict(zip(("scores", "kept"), rows, strict=True))}
