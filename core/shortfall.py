"""What was asked for and could not be given, in a sentence."""

from core.allocations import ALLOCATIONS
from core.controls import prunes
from core.decisions import Decision
from core.graph import Graph
from core.plan import Limits, Plan
from core.scoring import unranked
from core.structures import STRUCTURES

#: Names that are told of many.
_MOST = 5
#: Less than this is rounding.
_ROUNDING = 0.005


def shortfall(plan: Plan, decision: Decision) -> str:
    """Why less went than the plan's sparsity; "" where it did, or where a budget or thresholds decide."""
    allocation, structure = ALLOCATIONS[plan.allocation], STRUCTURES[plan.structure]
    if plan.budget is not None or not prunes(plan) or not allocation.follows(plan.sharing):
        return ""
    reached = structure.amount(sum(decision.sizes.values()), sum(decision.removed.values()))
    if plan.sparsity - reached < _ROUNDING:
        return ""
    reasons = []
    if plan.sparsity > structure.whole:
        reasons.append(f'structure "{structure.name}" takes at most {structure.whole:.0%}')
    if plan.overrides:
        reasons.append("single layers are fixed or left out")
    if plan.limits != Limits():
        reasons.append("the limits hold back the rest")
    told = " and ".join(reasons) or "only whole units go, and every layer keeps one"
    return f"A sparsity of {plan.sparsity:.1%} was asked for and {reached:.1%} went: {told}."


def left_whole(plan: Plan, graph: Graph) -> str:
    """Which pools the plan's criterion could not rank, so that none of their units went; "" where there are none."""
    reasons = unranked(graph, plan) if prunes(plan) else {}
    if not reasons:
        return ""
    first, reason = next(iter(reasons.items()))
    more = f" and {len(reasons) - _MOST} more" if len(reasons) > _MOST else ""
    return (
        f'Criterion "{plan.criterion}" cannot rank {", ".join([*reasons][:_MOST])}{more}: left whole. '
        f'Of "{first}", {reason}.'
    )
