"""What a plan would do: who loses how much, and what that costs in quality. An estimate first if time is short."""

from time import monotonic
from typing import Any

from core.lab.library import Evaluation, Library, Opened
from core.lab.paces import Paces
from core.lab.shelf import Caller, held
from core.measures import measurement_of
from core.plan import Plan
from core.pruning import Decision, Pool

_SPLIT = "validation"


def preview(
    library: Library, paces: Paces, opened: Opened, plan: Plan, budget: float | None, caller: Caller
) -> dict[str, Any]:
    """The answer to ``preview``.

    Args:
        library: Where pools and predictions are kept.
        paces: What was learned about the speed of models.
        opened: The model.
        plan: What to prune. Its ``data`` and ``seed`` say on what to measure, and in which order.
        budget: Seconds of predicting after which an estimate will do; None measures everything.
        caller: Asked between batches.

    Returns:
        As the contract of the lab says; ``finished`` tells whether both measurements are of the whole split.
    """
    begin = monotonic()
    scored = library.pools(opened, plan, caller)
    decision = library.decision(opened, plan, caller)
    now = library.evaluation(opened, plan.data, _SPLIT, decision.masks, plan.seed, caller)
    dense = library.evaluation(opened, plan.data, _SPLIT, {}, plan.seed, caller)
    until = None if budget is None else monotonic() + budget
    _advance(now, None, paces, opened, until, caller)
    # The dense model is measured on the samples the pruned one was measured on: then the difference means something.
    _advance(dense, None if until is None else now.tally.seen, paces, opened, None, caller)
    classes = library.parts(opened, plan.data, caller).classes
    measured = [measurement_of(_SPLIT, one.tally, one.costs) for one in (now, dense)]
    return {
        "pools": [_pool(pool, decision) for pool in scored.values()],
        "measurement": measured[0].to_dict(),
        "dense": measured[1].to_dict(),
        "classes": list(classes),
        "recall_dense": list(measured[1].recall_per_class),
        "recall_now": list(measured[0].recall_per_class),
        "seconds": monotonic() - begin,
        "estimated": list(decision.estimated),
        "finished": now.tally.finished and dense.tally.finished,
    }


def _advance(
    one: Evaluation, wanted: int | None, paces: Paces, opened: Opened, until: float | None, caller: Caller
) -> None:
    """Predict until so many samples were seen, or until the time is up, but one batch at least.

    A model's very first batch does not count against the time.
    """
    goal = one.tally.samples if wanted is None else wanted
    with held(one.lock, caller):
        macs = one.costs.macs
        begin = one.tally.seen
        while one.tally.seen < goal and (until is None or one.tally.seen == begin or monotonic() < until):
            start, warm = monotonic(), paces.known(opened.key)
            done = one.tally.advance(min(paces.batch(opened.key, macs), goal - one.tally.seen))
            took = monotonic() - start
            paces.took(opened.key, took, done)
            until = until if warm or until is None else until + took
            caller.breathe(one.tally.seen, goal)


def _pool(pool: Pool, decision: Decision) -> dict[str, Any]:
    removed = decision.removed[pool.name]
    return {
        "name": pool.name,
        "layer": pool.layer,
        "size": pool.size,
        "removed": removed,
        "sparsity": removed / max(pool.size, 1),
        "threshold": decision.thresholds.get(pool.name),
    }
