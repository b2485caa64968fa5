"""What a network costs in the measure of a budget: dense, and as a plan leaves it."""

from typing import Any

from core.budgets import BUDGETS, Left
from core.lab.library import Library, Opened, data_key
from core.lab.shelf import Caller
from core.masks import digest
from core.plan import Plan
from core.pruning import Decision

_WHOLE = Decision({}, {}, {})


def costs(library: Library, opened: Opened, plan: Plan, measure: str, caller: Caller) -> dict[str, Any]:
    """The answer to ``cost``: ``dense``, and ``achieved`` where the plan has a budget in that measure."""
    found = {"dense": _cost(library, opened, plan, measure, _WHOLE, caller)}
    if plan.budget is not None and plan.budget.measure == measure:
        decision = library.decision(opened, plan, caller)
        found["achieved"] = _cost(library, opened, plan, measure, decision, caller)
    return found


def _cost(library: Library, opened: Opened, plan: Plan, measure: str, decision: Decision, caller: Caller) -> float:
    """Kept: a time is measured once for the same masks, so that it does not change at every look."""
    model = opened.network
    parts = library.parts(opened, plan.data, caller)
    key = ("cost", opened.key, measure, data_key(plan.data), digest(decision.masks))

    def counted() -> float:
        return BUDGETS[measure].cost(Left(model, model.graph(), model.arrays(), decision, parts))

    return library.shelf.get(key, counted, lambda made: 64, caller)
