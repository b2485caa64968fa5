"""What a run is compared with, so that pruning is credited with no more than it did."""

from dataclasses import replace
from enum import StrEnum

from core.plan import Plan, ScheduleChoice


class Role(StrEnum):
    """What a run is for."""

    PRUNED = "pruned"
    DENSE = "dense"  # nothing pruned, fine-tuned as long: extra training is not credited to pruning
    RANDOM = "random"  # pruned at random, same plan otherwise: what the criterion is worth


def prunes(plan: Plan) -> bool:
    """Whether a plan takes anything away. Layers left out, or held at nothing, do not."""
    by_hand = any(bool(given.count or given.threshold) for given in plan.overrides.values() if not given.excluded)
    return by_hand or (plan.sparsity > 0 and plan.allocation != "thresholds")


def role(plan: Plan) -> Role:
    """Whether a plan prunes, or is a control."""
    if not prunes(plan):
        return Role.DENSE
    return Role.RANDOM if plan.criterion == "random" else Role.PRUNED


def epochs_between(plan: Plan) -> int:
    """Epochs of fine-tuning that lie between the first and the last pruning step."""
    return (plan.schedule.steps - 1) * plan.schedule.epochs_between


def total_epochs(plan: Plan) -> int:
    """All epochs a plan trains, between its steps and after the last one."""
    return epochs_between(plan) + plan.recovery.epochs


def controls(plan: Plan) -> tuple[Plan, ...]:
    """The dense model fine-tuned for as many epochs, and the same plan with entries chosen at random.

    A dense plan needs none and a random one only the dense; without fine-tuning the dense model stays as it is.
    """
    if role(plan) is Role.DENSE:
        return ()
    made = []
    if total_epochs(plan):
        recovery = replace(plan.recovery, epochs=total_epochs(plan))
        made.append(
            replace(plan, sparsity=0.0, overrides={}, allocation="global", schedule=ScheduleChoice(), recovery=recovery)
        )
    if role(plan) is Role.PRUNED:
        made.append(replace(plan, criterion="random"))
    return tuple(made)
