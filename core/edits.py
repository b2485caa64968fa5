"""What a person changes in a plan, with everything that follows from it, so that a page only passes on the choice."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from core.allocations import ALLOCATIONS
from core.catalogue import ranking
from core.compression import COMPRESSIONS
from core.criteria import CRITERIA
from core.plan import Budget, Compression, Limits, Override, Plan, Recovery, ScheduleChoice
from core.schedules import SCHEDULES
from core.structures import STRUCTURES

#: Steps a gradual schedule begins with.
_STEPS = 5
#: Batches between two changes of a mask that a dynamic schedule begins with.
_OFTEN = 10


def with_criterion(plan: Plan, name: str) -> Plan:
    """Another criterion: counts set by hand still hold, thresholds mean nothing any more."""
    kept = {pool: replace(given, threshold=None) for pool, given in plan.overrides.items() if _fixed(given)}
    return replace(plan, criterion=name, overrides=kept)


def with_structure(plan: Plan, name: str) -> Plan:
    """Another structure has other pools: what was set by hand goes, and the criterion must rank its units."""
    criterion = plan.criterion if CRITERIA[plan.criterion].ranks(name) else ranking(name)[0]
    whole, before = STRUCTURES[name].whole, STRUCTURES[plan.structure].whole
    sparsity = whole if whole < 1 else 0.0 if before < 1 else plan.sparsity
    return replace(plan, structure=name, criterion=criterion, sparsity=sparsity, overrides={})


def with_schedule(plan: Plan, name: str) -> Plan:
    """Another schedule: one step where it knows no steps, five at first where it does.

    A mask that changes while training does so every ten batches at first: the papers' hundred is more than small data
    have in a few epochs, and such a run is refused.
    """
    given = plan.schedule
    steps = max(given.steps, _STEPS) if "steps" in SCHEDULES[name].settings else 1
    usual = SCHEDULES[name].dynamic and given.interval == ScheduleChoice().interval
    return replace(plan, schedule=replace(given, name=name, steps=steps, interval=_OFTEN if usual else given.interval))


def with_budget(plan: Plan, measure: str | None, limit: float = 0.0) -> Plan:
    """A budget, or none (back to the sparsity given)."""
    return replace(plan, budget=None if measure is None else Budget(measure, limit))


def with_limits(plan: Plan, **changes: Any) -> Plan:
    """Other bounds."""
    return replace(plan, limits=replace(plan.limits, **changes))


def with_sharing(plan: Plan, **changes: Any) -> Plan:
    """What an allocation is told."""
    return replace(plan, sharing=replace(plan.sharing, **changes))


def with_compression(plan: Plan, names: Sequence[str]) -> Plan:
    """Those steps of compression, in the registry's order; what was told to one that stays is kept."""
    known = {choice.method: choice for choice in plan.compression}
    steps = tuple(known.get(name, Compression(name)) for name in COMPRESSIONS if name in names)
    return replace(plan, compression=steps)


def with_step(plan: Plan, choice: Compression) -> Plan:
    """A step of compression told something else."""
    steps = tuple(choice if one.method == choice.method else one for one in plan.compression)
    return replace(plan, compression=steps)


def ranked(plan: Plan) -> Plan:
    """The plan with nothing left but what scores depend on."""
    moves = "movement" in CRITERIA[plan.criterion].needs
    return Plan(
        plan.model,
        plan.data,
        plan.criterion,
        plan.structure,
        plan.allocation if ALLOCATIONS[plan.allocation].needs_curves else "global",
        recovery=plan.recovery if moves else Recovery(),
        calibration=plan.calibration,
        calibration_batches=plan.calibration_batches,
        calibration_size=plan.calibration_size,
        seed=plan.seed,
        output=plan.output,
    )


def dense(plan: Plan) -> Plan:
    """The plan that takes nothing away, everything else as it was."""
    return replace(plan, sparsity=0.0, overrides={}, budget=None)


def decided(plan: Plan) -> str:
    """What settles how much goes instead of the sparsity, in a few words; "" where the sparsity does."""
    structure, allocation = STRUCTURES[plan.structure], ALLOCATIONS[plan.allocation]
    if plan.budget is not None:
        return "found for the budget"
    if structure.whole < 1:
        return f"{structure.name} takes {100 * structure.whole:.3g} %"
    return "" if allocation.follows(plan.sharing) else f"{allocation.title[0].lower()}{allocation.title[1:]}"


def fixed_share(plan: Plan) -> bool:
    """Whether the structure itself fixes the sparsity, as 2:4 does."""
    return plan.budget is None and STRUCTURES[plan.structure].whole < 1


def limited(plan: Plan) -> list[str]:
    """The limits that differ from the usual ones, each in a few words."""
    usual, given = Limits(), plan.limits
    said = {
        "most": f"at most {100 * given.most:.3g} %",
        "least": f"keep {given.least}",
        "multiple": f"× {given.multiple}",
        "guard": "layers may empty",
    }
    drawn = [] if plan.sharing.drawn == 1 else [f"{100 * plan.sharing.drawn:.3g} % drawn"]
    return [said[one.name] for one in fields(Limits) if getattr(given, one.name) != getattr(usual, one.name)] + drawn


def unlimited(plan: Plan) -> Plan:
    """The plan with the usual limits, all below a threshold taken."""
    return with_sharing(replace(plan, limits=Limits()), drawn=1.0)


def _fixed(given: Override) -> bool:
    return given.excluded or given.count is not None
