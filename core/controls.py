"""What a run is compared with, so that pruning is credited with no more than it did; and how long runs train."""

from dataclasses import replace
from enum import StrEnum

from core.allocations import ALLOCATIONS
from core.plan import Plan, ScheduleChoice
from core.recovery import RECOVERIES
from core.schedules import SCHEDULES
from core.structures import STRUCTURES


class Role(StrEnum):
    """What a run is for."""

    PRUNED = "pruned"
    DENSE = "dense"  # nothing pruned, fine-tuned as long: extra training is not credited to pruning
    RANDOM = "random"  # pruned at random, same plan otherwise: what the criterion is worth


def prunes(plan: Plan) -> bool:
    """Whether a plan takes anything away. Layers left out, or held at nothing, do not."""
    if any(bool(given.count or given.threshold) for given in plan.overrides.values() if not given.excluded):
        return True
    if plan.allocation == "thresholds":
        return False  # it takes what was fixed by hand, nothing else
    allocation = ALLOCATIONS[plan.allocation]
    by_spread = "deviations" in allocation.settings and plan.sharing.deviations is not None
    return plan.sparsity > 0 or plan.budget is not None or not allocation.follows_amount or by_spread


def role(plan: Plan) -> Role:
    """Whether a plan prunes, or is a control."""
    if not prunes(plan):
        return Role.DENSE
    return Role.RANDOM if plan.criterion == "random" else Role.PRUNED


def steps(plan: Plan) -> int:
    """Pruning steps: those of the plan, or one where its schedule has no use for more."""
    return plan.schedule.steps if "steps" in SCHEDULES[plan.schedule.name].settings else 1


def epochs_between(plan: Plan) -> int:
    """Epochs of training that lie between the first and the last pruning step."""
    trains = RECOVERIES[plan.recovery.method].trains
    return (steps(plan) - 1) * plan.schedule.epochs_between if trains else 0


def epochs_after(plan: Plan) -> int:
    """Epochs of training after the last pruning step, unless it stops early."""
    return plan.recovery.epochs if RECOVERIES[plan.recovery.method].trains else 0


def total_epochs(plan: Plan) -> int:
    """All epochs a plan trains: before its first step, between its steps, and after the last one."""
    return plan.preparation.epochs + epochs_between(plan) + epochs_after(plan)


def controls(plan: Plan, units: float | None = None) -> tuple[Plan, ...]:
    """The dense model trained for as many epochs, and the same plan with entries chosen at random.

    A dense plan needs none and a random one only the dense; without training the dense model stays as it is.

    Args:
        plan: What is to be compared.
        units: Share of all units that goes, where that is known. An allocation that goes by a threshold on the scores
            would take another share of random scores: its control takes this one, and without it there is none.
    """
    if role(plan) is Role.DENSE:
        return ()
    made = []
    epochs = epochs_between(plan) + epochs_after(plan)
    if epochs:
        whole = replace(plan, sparsity=0.0, overrides={}, allocation="global", budget=None, schedule=ScheduleChoice())
        made.append(replace(whole, recovery=replace(plan.recovery, epochs=epochs)))
    alike = _by_amount(plan, units) if role(plan) is Role.PRUNED else None
    if alike is not None:
        made.append(replace(alike, criterion="random"))
    return tuple(made)


def _by_amount(plan: Plan, units: float | None) -> Plan | None:
    """The plan, told how much goes by numbers and not by thresholds on its scores; None where nobody knows that."""
    if any(given.count is None and not given.excluded for given in plan.overrides.values()):
        return None
    if plan.allocation == "thresholds" or ALLOCATIONS[plan.allocation].follows(plan.sharing) or plan.budget is not None:
        return plan
    if units is None:
        return None
    amount = min(units * STRUCTURES[plan.structure].whole, 1 - 1e-9)
    return replace(plan, allocation="global", sparsity=amount, sharing=replace(plan.sharing, deviations=None))
