"""From a plan to masks: score every unit, decide how many of each pool go, and say which entries that takes.

``pools`` is the costly part (gradients) and depends on criterion, structure, calibration and seed only.
``decide`` is quick and pure: a drag calls it again on the same pools. ``choose`` is ``decide`` for every criterion,
those that take several rounds too.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.allocations import ALLOCATIONS
from core.backends._base import LoadedModel, Masks, Poll, no_poll
from core.budgets import settled
from core.criteria import CRITERIA
from core.decisions import Decision, counted, cuts, decide
from core.plan import Override, Plan
from core.scoring import Pool, pools, unranked
from core.structures import STRUCTURES

if TYPE_CHECKING:
    from core.datasets import Parts

__all__ = ["Decision", "Pool", "choose", "counted", "cuts", "decide", "pools", "unranked"]


def choose(
    model: LoadedModel,
    plan: Plan,
    parts: "Parts | None",
    found: Mapping[str, Pool],
    *,
    amount: float | None = None,
    before: Masks | None = None,
    poll: Poll = no_poll,
) -> Decision:
    """Which units go: :func:`decide`, or, for a criterion that scores in rounds, scores and decisions in turn.

    After round k of n the share kept lies k / n of the way from what is there to what shall stay, on a geometric
    scale: (1 - s)^(k / n) of a whole network (Tanaka et al. 2020, arXiv:2006.05467, algorithm 1). Counts that a person
    fixed grow alike. An allocation with thresholds of its own takes one round: no amount leads there step by step.

    Args:
        model: The network that ``found`` was scored on.
        plan: As for :func:`pools` and :func:`decide`.
        parts: Data as the model takes it.
        found: From :func:`pools`: the scores of the first round.
        amount, before: As for :func:`decide`.
        poll: Called after every round.

    Raises:
        PruneError: As :func:`pools` and :func:`decide`.
    """
    criterion, structure, graph = CRITERIA[plan.criterion], STRUCTURES[plan.structure], model.graph()
    last = settled(model, plan, parts, found, amount=amount, before=before, poll=poll)
    if criterion.rounds == 1 or not ALLOCATIONS[plan.allocation].follows(plan.sharing):
        return last
    final = structure.amount(sum(last.sizes.values()), sum(last.removed.values()))
    masks, gone = dict(before or {}), structure.gone(graph, before) if before else {}
    start = structure.amount(
        sum(last.sizes.values()), sum(int(np.count_nonzero(gone[name])) for name in last.sizes if name in gone)
    )
    if final <= start:
        return last
    counts = replace(counted(found, plan), budget=None)
    for number in range(1, criterion.rounds):
        share = number / criterion.rounds
        now = 1 - (1 - start) * ((1 - final) / (1 - start)) ** share
        step = replace(counts, overrides=_scaled(counts.overrides, (now - start) / (final - start)))
        masks = dict(decide(found, step, graph, amount=now, before=masks).masks)
        poll(number, criterion.rounds)
        found = pools(model, plan, parts, before=masks)
    fixed = replace(plan, overrides=counts.overrides)
    return settled(model, fixed, parts, found, amount=amount, before=masks, poll=poll)


def _scaled(overrides: Mapping[str, Override], share: float) -> dict[str, Override]:
    return {
        name: given if given.count is None else replace(given, count=round(given.count * share))
        for name, given in overrides.items()
    }
