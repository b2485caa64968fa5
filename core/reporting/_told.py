"""What was done, in words: every decision of the plan with the name a person knows it by."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from core.allocations import ALLOCATIONS
from core.charts.achieved import Achieved
from core.charts.words import epochs, of_units, percent, training_line
from core.compression import COMPRESSIONS
from core.controls import prunes, steps
from core.criteria import CRITERIA
from core.penalties import PENALTIES
from core.plan import Compression, Plan
from core.recovery import RECOVERIES
from core.reporting._subject import Subject
from core.schedules import SCHEDULES
from core.structures import STRUCTURES

#: A decision, what was decided, and what is to be said of it.
Told = tuple[str, str, str]


def what_was_done(subject: Subject, achieved: Achieved | None) -> str:
    """The plan as a list of decisions."""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(what)}{f'<small>{escape(more)}</small>' if more else ''}</dd>"
        for name, what, more in _decisions(subject, achieved)
    )
    return f"<dl>{rows}</dl>"


def _decisions(subject: Subject, achieved: Achieved | None) -> Iterator[Told]:
    plan = subject.run.plan
    yield "Network", subject.model, subject.framework
    scaling = {"unit": "scaled to 0 … 1", "standard": "standardised"}.get(plan.data.scaling, "")
    yield "Data", subject.data, scaling
    yield from _before(plan)
    if prunes(plan):
        yield from _pruning(plan, achieved)
    else:
        yield "Pruning", "none", "The dense network, trained as long: what a pruned one is compared with."
    method = _of(RECOVERIES, plan.recovery.method)
    yield "Recovery", _title(method, plan.recovery.method), training_line(plan)
    yield from (_compressed(step) for step in plan.compression)


def _before(plan: Plan) -> Iterator[Told]:
    given = plan.preparation
    if given.fresh or given.epochs:
        start = "newly drawn weights" if given.fresh else "the network's own weights"
        penalty = _of(PENALTIES, given.penalty)
        more = f"{_title(penalty, given.penalty)} of {given.strength:g}" if given.penalty != "none" else ""
        yield "Before pruning", f"{epochs(given.epochs)} from {start}", more


def _pruning(plan: Plan, achieved: Achieved | None) -> Iterator[Told]:
    criterion = _of(CRITERIA, plan.criterion)
    told = [getattr(criterion, "formula", ""), getattr(criterion, "reference", "")]
    yield "What a weight is worth", _title(criterion, plan.criterion), " · ".join(filter(None, told))
    structure = _of(STRUCTURES, plan.structure)
    yield "What goes together", _title(structure, plan.structure), getattr(structure, "note", "")
    allocation = _of(ALLOCATIONS, plan.allocation)
    yield "How much from where", _title(allocation, plan.allocation), getattr(allocation, "note", "")
    yield "How much", _amount(plan, achieved), _by_hand(plan)
    schedule = _of(SCHEDULES, plan.schedule.name)
    times = steps(plan)
    yield "When", f"{_title(schedule, plan.schedule.name)}{f', {times} steps' if times > 1 else ''}", ""


def _amount(plan: Plan, achieved: Achieved | None) -> str:
    units = of_units(plan) or "weights"
    if plan.budget is not None:
        asked = f"down to {plan.budget.limit:,.4g} {plan.budget.measure.replace('_', ' ')}"
    elif plan.sparsity and plan.allocation != "thresholds":
        asked = f"{percent(plan.sparsity)} of the {units} asked"
    else:
        asked = "as set layer by layer" if plan.overrides else "as the allocation finds it"
    return asked if achieved is None else f"{asked}, {percent(achieved.sparsity)} of the prunable weights gone"


def _by_hand(plan: Plan) -> str:
    fixed = sorted(name for name, given in plan.overrides.items() if not given.excluded)
    whole = sorted(name for name, given in plan.overrides.items() if given.excluded)
    parts = [
        f"{words}: {', '.join(names)}" for words, names in (("set by hand", fixed), ("left whole", whole)) if names
    ]
    return "; ".join(parts)


def _compressed(step: Compression) -> Told:
    method = _of(COMPRESSIONS, step.method)
    obeyed = [name for name in getattr(method, "settings", ()) if hasattr(step, name)]
    given = [(name, getattr(step, name)) for name in obeyed if name != "energy" or step.share is None]
    told = [f"{name.replace('_', ' ')} {value:g}" for name, value in given if isinstance(value, int | float) and value]
    told += [f"{name} {value}" for name, value in given if isinstance(value, str)]
    told += [f"rank {rank} of {weight}" for name, value in given if name == "ranks" for weight, rank in value.items()]
    note = str(getattr(method, "note", ""))
    return "Compression", _title(method, step.method), ". ".join(filter(None, (", ".join(told), note)))


def _of(registry: Mapping[str, Any], name: str) -> Any:
    """A plan that failed may name what there is not."""
    return registry.get(name)


def _title(thing: Any, name: str) -> str:
    return str(getattr(thing, "title", "") or name.replace("_", " "))
