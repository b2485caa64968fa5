"""Options that were typed and would have no effect: better said than silently passed over."""

import argparse
from collections.abc import Mapping
from typing import Any

from core.allocations import ALLOCATIONS
from core.cli import options
from core.cli.options import Option
from core.compression import COMPRESSIONS
from core.controls import epochs_after, prunes, steps, total_epochs
from core.criteria import CRITERIA, Need
from core.penalties import PENALTIES
from core.plan import Plan
from core.recovery import RECOVERIES
from core.schedules import SCHEDULES
from core.structures import STRUCTURES

_OF_TRAINING = ("optimiser", "learning_rate", "rate_schedule", "batch_size", "class_weights")
_OF_THE_END = ("patience", "keep_best", "target")


def needless(asked: argparse.Namespace, plan: Plan) -> list[str]:
    """A sentence for each option that was typed and that no part of the plan looks at: who would.

    They are told, not refused: a script that goes through all criteria, say, gives each the same calibration.
    """
    given = [option for option in options.typed(asked) if getattr(asked, option.place) != option.default]
    return list(filter(None, (_unread(option, plan) for option in given)))


def unread_sparsity(plan: Plan) -> str:
    """Why the sparsity that was typed is not read; "" where it is."""
    if not plan.sparsity or (plan.budget is None and ALLOCATIONS[plan.allocation].follows(plan.sharing)):
        return ""
    if plan.budget is not None:
        return "the sparsity is not read: the budget finds how much goes."
    if prunes(plan):
        return f'the sparsity is not read: allocation "{plan.allocation}" decides by itself how much goes.'
    return f'allocation "{plan.allocation}" takes what is fixed by hand, and nothing is: give --override NAME=COUNT.'


def _unread(option: Option, plan: Plan) -> str:
    """Why the plan does not look at the option; "" where it does."""
    for kind, registry, name in _readers(option, plan):
        readers = [known for known in registry if option.field in registry[known].settings]
        if name not in readers:
            return f'{option.flag} means nothing to {kind} "{name}"; it is for {", ".join(readers)}.'
    if option.place == "schedule.name" and "steps" in SCHEDULES[plan.schedule.name].settings and steps(plan) == 1:
        return f'schedule "{plan.schedule.name}" prunes step by step, and one step is one shot.'
    if option.field == "multiple" and not STRUCTURES[plan.structure].rounds:
        return f'{option.flag} means nothing to structure "{plan.structure}": it rounds what is kept of channels.'
    if option.field.startswith("calibration") and not _looks_at_data(plan):
        return f'{option.flag} means nothing to criterion "{plan.criterion}", which looks at no data.'
    if option.part == "recovery" and option.field in _OF_TRAINING and not _trains(plan):
        return f"{option.flag} is about training, and nothing is trained here; ask for epochs with it."
    if option.part == "recovery" and option.field in _OF_THE_END and not epochs_after(plan):
        return f"{option.flag} is about the epochs after the last pruning step, and there are none; give --epochs."
    return ""


def _readers(option: Option, plan: Plan) -> list[tuple[str, Mapping[str, Any], str]]:
    """What must know the option by its settings: kind, registry, and the name that was chosen."""
    found: list[tuple[str, Mapping[str, Any], str]] = []
    if option.part == "sharing":
        found.append(("allocation", ALLOCATIONS, plan.allocation))
    if option.part == "schedule" and option.field != "name":
        found.append(("schedule", SCHEDULES, plan.schedule.name))
    if option.place == "preparation.strength":
        found.append(("penalty", PENALTIES, plan.preparation.penalty))
    of_recovery = ("recovery.epochs", "recovery.rewind_epoch", "recovery.temperature", "recovery.teacher_weight")
    if option.place in (*of_recovery, "schedule.epochs_between"):
        found.append(("recovery", RECOVERIES, plan.recovery.method))
    return found


def _looks_at_data(plan: Plan) -> bool:
    return not CRITERIA[plan.criterion].data_free or ALLOCATIONS[plan.allocation].needs_curves or bool(plan.compression)


def _trains(plan: Plan) -> bool:
    """Whether anything is trained, or moved for a criterion, or batch normalisation measured in batches."""
    healed = any(COMPRESSIONS[choice.method].trains(choice) for choice in plan.compression)
    moved = Need.MOVEMENT in CRITERIA[plan.criterion].needs
    recalibrated = plan.recovery.recalibrate or RECOVERIES[plan.recovery.method].recalibrates
    return bool(total_epochs(plan)) or healed or moved or recalibrated
