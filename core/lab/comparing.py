"""The answer to ``compare``: two criteria on one network, under one plan."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.comparison import Array, Overlap, correlation, overlap, ranks, sampled
from core.edits import with_criterion
from core.lab.library import Library, Opened
from core.lab.shelf import Caller
from core.plan import Plan
from core.pruning import Pool, unranked
from core.structures import STRUCTURES


def compare(library: Library, opened: Opened, plan: Plan, names: tuple[str, str], caller: Caller) -> dict[str, Any]:
    """What two criteria say of the same units, and what they would remove at the plan's sparsity.

    Args:
        library: Where scores are kept.
        opened: The model.
        plan: Everything but the criterion is read. Counts that a person fixed hold for both; dragged thresholds are
            left out, since they mean another thing under every criterion.
        names: The criteria, a and b.
        caller: Asked between pools.

    Returns:
        ``criterion_a``, ``criterion_b``; ``spearman``, the rank correlation of all units together, None where one
        side gives all units the same score; ``pools``, in the network's order, of each that both rank: ``name``,
        ``layer``, ``unit``, ``size``, ``spearman``, ``index``, ``score_a``, ``score_b``, ``rank_a``, ``rank_b``
        (arrays of one length: the units drawn, at most 2,000 over all pools, with their scores and their ranks
        within the pool as shares in (0, 1], ties shared), ``gone_a``, ``gone_b`` (arrays: whether they go),
        ``both``, ``only_a``, ``only_b``, ``neither`` (exact counts of what goes). ``total`` has the same four counts
        and ``size`` over all pools; ``left_out`` says by pool why one of the two cannot rank it.
    """
    plans = [with_criterion(plan, name) for name in names]
    scored = [library.pools(opened, one, caller) for one in plans]
    decisions = [library.decision(opened, one, caller) for one in plans]
    graph, structure = opened.network.graph(), STRUCTURES[plan.structure]
    gone = [structure.gone(graph, decision.masks) for decision in decisions]
    shared = [name for name in scored[0] if name in scored[1]]
    shown = sampled({name: scored[0][name].size for name in shared}, plan.seed)
    rows, total = [], Overlap(0, 0, 0, 0)
    together: tuple[list[Array], list[Array]] = ([], [])
    for number, name in enumerate(shared, start=1):
        pair = scored[0][name], scored[1][name]
        flags = [_flags(found, pair[0]) for found in gone]
        counts = overlap(*flags)
        placed = [ranks(pool.scores) for pool in pair]
        rows.append(_pool(pair, flags, counts, placed, shown[name]))
        total += counts
        for side, pool in zip(together, pair, strict=True):
            side.append(np.asarray(structure.comparable(pool.worth, None).whole(), np.float64))
        caller.breathe(number, len(shared))
    reasons = unranked(graph, plans[1]) | unranked(graph, plans[0])
    return {
        "criterion_a": names[0],
        "criterion_b": names[1],
        "spearman": correlation(*(ranks(np.concatenate(side)) for side in together)) if shared else None,
        "pools": rows,
        "total": _counts(total),
        "left_out": reasons,
    }


def _flags(gone: Mapping[str, NDArray[np.bool_]], pool: Pool) -> NDArray[np.bool_]:
    return gone.get(pool.name, np.zeros(pool.size, np.bool_)).reshape(-1)


def _pool(
    pair: tuple[Pool, Pool],
    gone: list[NDArray[np.bool_]],
    counts: Overlap,
    placed: list[NDArray[np.float64]],
    index: NDArray[np.int64],
) -> dict[str, Any]:
    pool = pair[0]
    drawn: dict[str, Any] = {"index": index}
    for side, one, place, flags in zip("ab", pair, placed, gone, strict=True):
        drawn[f"score_{side}"] = np.asarray(one.scores[index])
        drawn[f"rank_{side}"] = (place[index] / pool.size).astype(np.float32)
        drawn[f"gone_{side}"] = flags[index]
    words = {"name": pool.name, "layer": pool.layer, "unit": pool.unit, "spearman": correlation(*placed)}
    return {**words, **_counts(counts), **drawn}


def _counts(counts: Overlap) -> dict[str, int]:
    return {**vars(counts), "neither": counts.neither}
