"""Numbers and plans as a person reads them: rounded to what is known, always with a unit."""

from collections.abc import Iterable

from core.charts.achieved import Achieved
from core.controls import epochs_after, epochs_between, prunes, steps
from core.plan import Plan
from core.recovery import RECOVERIES
from core.schedules import SCHEDULES
from core.structures import STRUCTURES

_STEPS = ((1e9, "G"), (1e6, "M"))
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
#: Said where a value was not measured.
UNKNOWN = "–"
#: Between a number and its unit, so that a line never breaks there.
GAP = "\N{NO-BREAK SPACE}"


def percent(share: float | None, digits: int = 1) -> str:
    """``0.962`` as ``96.2 %``."""
    return UNKNOWN if share is None else f"{100 * share:.{digits}f}{GAP}%"


def brief(share: float) -> str:
    """A share for a title: ``90 %``, ``94.8 %``; never 0 or 100 where it is not quite."""
    digits = next((n for n in (0, 1) if abs(round(share, n + 2) - share) < 0.0005 and 0 < round(share, n + 2) < 1), 2)
    if 0.9999 < share < 1:
        return f"over 99.99{GAP}%"
    return percent(share, 0 if share in (0, 1) else digits)


def points(difference: float | None, digits: int = 1) -> str:
    """A difference of two shares in percentage points, with its sign: ``−2.9``; what rounds to nothing is ``±0``."""
    if difference is None:
        return UNKNOWN
    text = f"{100 * abs(difference):.{digits}f}"
    return f"{'−' if difference < 0 else '+'}{text}" if float(text) else "±0"


def number(value: float | None, digits: int = 3) -> str:
    """A plain number such as F1 or loss: ``0.961``."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def count(value: int | None) -> str:
    """``78474`` as ``78,474``."""
    return UNKNOWN if value is None else f"{value:,}"


def shape_text(sides: Iterable[int | None]) -> str:
    """``(16, 8, 8)`` as ``16 × 8 × 8``; an open size is ``any``."""
    return " × ".join("any" if side is None else f"{side}" for side in sides)


def amount(value: float | None) -> str:
    """Multiply-adds and other large counts: ``2990000`` as ``2.99 M``; below a million written out."""
    if value is None:
        return UNKNOWN
    for size, unit in _STEPS:
        if value >= size:
            return f"{value / size:.3g}{GAP}{unit}"
    return f"{value:,.0f}"


def size(value: int | None) -> str:
    """Bytes in powers of ten: ``412000`` as ``412 kB``."""
    if value is None:
        return UNKNOWN
    for step, unit in _BYTES:
        if value >= step:
            return f"{value / step:.3g}{GAP}{unit}"
    return f"{value}{GAP}B"


def milliseconds(value: float | None, spread: float | None = None) -> str:
    """``1.31 ms``, with half the interquartile range where it is known: ``1.31 ± 0.04 ms``; tiny ones ``0.031 ms``."""
    if value is None:
        return UNKNOWN
    digits = 2 if value >= 0.1 else 3
    return f"{value:.{digits}f}{GAP}ms" if spread is None else f"{value:.{digits}f} ± {spread / 2:.{digits}f}{GAP}ms"


def duration(seconds: float | None) -> str:
    """``70`` as ``1 min 10 s``."""
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def epochs(value: int) -> str:
    """``1 epoch``, ``12 epochs``."""
    return f"{value} epoch{'' if value == 1 else 's'}"


def pruning_line(plan: Plan, achieved: Achieved | None = None) -> str:
    """What goes, how it is chosen and when: ``magnitude, unstructured, global 90.0 % in 5 cubic steps``.

    Args:
        plan: The settings.
        achieved: What they come to. Without it a plan with layers set by hand names no share: nobody knows it.
    """
    if not prunes(plan):
        return "nothing pruned"
    when = _when(plan)
    so_far = "" if achieved is None or achieved.final else f", {percent(achieved.sparsity)} so far"
    structure = STRUCTURES[plan.structure].title
    what = f"{structure[0].lower()}{structure[1:]}"
    parts = [plan.criterion.replace("_", " "), what, _how_much(plan, achieved) + when, *_by_hand(plan)]
    if of_units(plan) and achieved is not None and achieved.final:
        parts.append(f"{percent(achieved.sparsity)} of the weights")
    return ", ".join(filter(None, parts)) + so_far


def _when(plan: Plan) -> str:
    """``in 5 cubic steps``, ``with RigL``; nothing for a single step."""
    schedule = SCHEDULES[plan.schedule.name]
    if schedule.dynamic:
        return f" with {schedule.title}"
    count = steps(plan)
    return "" if count == 1 else f" in {count} {schedule.name} steps"


def of_units(plan: Plan) -> str:
    """What the plan's sparsity is a share of ("channels"), where that is not the weights; "" where it is."""
    structure = STRUCTURES[plan.structure]
    return "" if structure.unit == "weight" or structure.whole < 1 else f"{structure.unit}s"


def _how_much(plan: Plan, achieved: Achieved | None) -> str:
    """``global 90.0 %``; of channels both may differ, so what was asked is said to be."""
    where = plan.allocation.replace("_", " ") if plan.sparsity and plan.allocation != "thresholds" else ""
    units = of_units(plan)
    if plan.budget is not None:
        return _to_budget(plan, achieved)
    if units:
        return f"{where} {percent(plan.sparsity)} of {units} asked" if where else ""
    if achieved is not None and achieved.final:
        return f"{where} {percent(achieved.sparsity)}".lstrip()
    return where if plan.overrides else f"{where} {percent(plan.sparsity)}".lstrip()


def _to_budget(plan: Plan, achieved: Achieved | None) -> str:
    """``global to a budget of 50,000 macs, 82.1 %``."""
    assert plan.budget is not None  # whoever asks has looked
    allocation = plan.allocation.replace("_", " ")
    found = f", {percent(achieved.sparsity)}" if achieved is not None and achieved.final else ""
    return f"{allocation} to a budget of {plan.budget.limit:,.4g} {plan.budget.measure.replace('_', ' ')}{found}"


def _by_hand(plan: Plan) -> list[str]:
    left_out = sum(given.excluded for given in plan.overrides.values())
    counts = ((len(plan.overrides) - left_out, "set by hand"), (left_out, "left out"))
    return [f"{number} layer{'' if number == 1 else 's'} {what}" for number, what in counts if number]


def training_line(plan: Plan) -> str:
    """How it is prepared and heals: ``12 epochs of adam at 0.001 (cosine), batches of 64, seed 0``."""
    recovery, method = plan.recovery, RECOVERIES[plan.recovery.method]
    between, after = epochs_between(plan), epochs_after(plan)
    told = [*_prepared(plan)]
    if method.name != "fine-tune":
        told.append(f"{method.title[0].lower()}{method.title[1:]}")
    if recovery.recalibrate:
        told.append("BatchNorm recalibrated")
    if between or after:
        before = f"{between} between steps and " if between else ""
        told.append(f"{before}{epochs(after)} of {_optimiser(plan)}")
    elif plan.preparation.epochs:
        told.append(_optimiser(plan))
    return ", ".join(told) or "no fine-tuning"


def _prepared(plan: Plan) -> list[str]:
    """``10 epochs before with l1 0.0001``, ``fresh weights``."""
    given = plan.preparation
    by = f" with {given.penalty.replace('_', ' ')} {given.strength:g}" if given.penalty != "none" else ""
    fresh = ["fresh weights"] if given.fresh else []
    return fresh + ([f"{epochs(given.epochs)} before{by}"] if given.epochs else [])


def _optimiser(plan: Plan) -> str:
    recovery = plan.recovery
    rate = f"{recovery.learning_rate:g}"
    rate += "" if recovery.rate_schedule == "constant" else f" ({recovery.rate_schedule})"
    return f"{recovery.optimiser} at {rate}, batches of {recovery.batch_size}, seed {plan.seed}"


def compression_line(plan: Plan) -> str:
    """``sharing, coding``; "" where nothing is compressed."""
    return ", ".join(choice.method.replace("-", " ") for choice in plan.compression)


def plan_line(plan: Plan, achieved: Achieved | None = None) -> str:
    """The whole plan in one line."""
    compression = compression_line(plan)
    told = f"; then {compression}" if compression else ""
    return f"{pruning_line(plan, achieved)}; {training_line(plan)}{told}"
