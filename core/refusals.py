"""What cannot be done as a plan asks for it: said before a network is opened, and before anything is trained."""

from core.ablating import refuse_many
from core.allocations import ALLOCATIONS
from core.backends._base import LoadedModel
from core.budgets import BUDGETS, refuse_unreachable
from core.compression import COMPRESSIONS, clash
from core.controls import epochs_after, epochs_between, prunes
from core.criteria import CRITERIA
from core.decisions import refuse_count, refuse_unranked
from core.errors import UnknownName
from core.penalties import PENALTIES
from core.plan import Plan
from core.recovery import RECOVERIES
from core.schedules import SCHEDULES
from core.scoring import ranked_units, unfit, unranked
from core.structures import STRUCTURES


def refusals(plan: Plan) -> tuple[str, ...]:
    """Sentences on what of a plan contradicts itself or could have no effect; empty where it can be tried.

    Raises:
        UnknownName: One of its names is not known.
    """
    found = (of_choice(plan), of_budget(plan), of_schedule(plan), of_preparation(plan), of_recovery(plan))
    return tuple(filter(None, (*found, *of_compression(plan))))


def of_choice(plan: Plan) -> str:
    """Why the criterion cannot rank the structure's units."""
    sentence = unfit(CRITERIA[plan.criterion], STRUCTURES[plan.structure])
    return sentence if prunes(plan) else ""


def of_budget(plan: Plan) -> str:
    """Why no budget can be kept with the allocation."""
    allocation = ALLOCATIONS[plan.allocation]
    measure = None if plan.budget is None else BUDGETS[plan.budget.measure]
    if measure is None or allocation.follows_amount:
        return ""
    return (
        f'A budget finds how much goes, but allocation "{allocation.name}" decides that by itself. Choose another '
        "allocation, or no budget."
    )


def of_schedule(plan: Plan) -> str:
    """Why the schedule does not go with the structure, or would change nothing."""
    schedule = SCHEDULES[plan.schedule.name]
    if schedule.refuses(plan.structure) or not schedule.dynamic or not prunes(plan) or epochs_after(plan):
        return schedule.refuses(plan.structure)
    return (
        f'Schedule "{schedule.name}" changes the masks while the network trains after pruning, and here it does not '
        "train. Ask for epochs, or choose another schedule."
    )


def of_preparation(plan: Plan) -> str:
    """Why the penalty would do nothing."""
    if PENALTIES[plan.preparation.penalty].name == "none" or plan.preparation.epochs:
        return ""
    return (
        f'Penalty "{plan.preparation.penalty}" acts while the network trains before pruning, and here it does not. '
        "Ask for epochs before pruning, or for no penalty."
    )


def of_recovery(plan: Plan) -> str:
    """Why the recovery cannot follow the plan, or would do nothing."""
    method = RECOVERIES[plan.recovery.method]
    trains = epochs_between(plan) + epochs_after(plan) or any(
        COMPRESSIONS[choice.method].trains(choice) for choice in plan.compression
    )
    if method.teaches and not trains:
        return f'With recovery "{method.name}" the network learns from the dense one while it trains: ask for epochs.'
    return method.refuses(plan)


def of_compression(plan: Plan) -> tuple[str, ...]:
    """Why single steps, or several together, cannot be carried out."""
    return (clash(plan.compression), *(COMPRESSIONS[choice.method].refuses(choice) for choice in plan.compression))


def refuse_for(plan: Plan, model: LoadedModel) -> None:
    """Refuse what a network has no units for, and what is fixed by hand, or limited, and cannot be met.

    Raises:
        NothingPrunable: The network has no such units, or none that the criterion can rank.
        UnknownName: An override names no pool.
        BadSetting: An override or a budget cannot be met, or there are too many units for the criterion.
    """
    if not prunes(plan):
        return
    graph = model.graph()
    structure, mute = STRUCTURES[plan.structure], unranked(graph, plan)
    found = ranked_units(graph, plan)
    if CRITERIA[plan.criterion].ablates:
        refuse_many(structure, found)
    units = {unit.name: unit for unit in structure.units(graph)}
    for name, given in plan.overrides.items():
        if name not in units:
            raise UnknownName("pool", name, units)
        if name in mute:
            refuse_unranked(plan.criterion, name, given)
        else:
            refuse_count(name, units[name].size, structure.unit, given)
    if plan.budget is not None:
        refuse_unreachable(BUDGETS[plan.budget.measure], model, plan, found)
