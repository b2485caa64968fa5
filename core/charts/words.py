"""Numbers and plans as a person reads them: rounded to what is known, always with a unit."""

from core.controls import epochs_between
from core.plan import Plan

_STEPS = ((1e9, "G"), (1e6, "M"))
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
#: Said where a value was not measured.
UNKNOWN = "–"
#: Between a number and its unit, so that a line never breaks there.
GAP = "\N{NO-BREAK SPACE}"


def percent(share: float | None, digits: int = 1) -> str:
    """``0.962`` as ``96.2 %``."""
    return UNKNOWN if share is None else f"{100 * share:.{digits}f}{GAP}%"


def points(difference: float | None, digits: int = 1) -> str:
    """A difference of two shares in percentage points, with its sign: ``−2.9``."""
    if difference is None:
        return UNKNOWN
    text = f"{100 * abs(difference):.{digits}f}"
    return text if not float(text) else f"{'−' if difference < 0 else '+'}{text}"


def number(value: float | None, digits: int = 3) -> str:
    """A plain number such as F1 or loss: ``0.961``."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def count(value: int | None) -> str:
    """``78474`` as ``78,474``."""
    return UNKNOWN if value is None else f"{value:,}"


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
    """``1.31 ms``, with the interquartile range where there is one: ``1.31 ± 0.04 ms``."""
    if value is None:
        return UNKNOWN
    return f"{value:.2f}{GAP}ms" if spread is None else f"{value:.2f} ± {spread / 2:.2f}{GAP}ms"


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


def pruning_line(plan: Plan) -> str:
    """What goes, how it is chosen and when: ``magnitude, unstructured, global 90.0 % in 5 cubic steps``."""
    if not plan.sparsity and not plan.overrides:
        return "nothing pruned"
    how_much = "as dragged" if plan.allocation == "thresholds" else f"{plan.allocation} {percent(plan.sparsity)}"
    steps = plan.schedule.steps
    when = "" if plan.schedule.name == "one-shot" or steps == 1 else f" in {steps} {plan.schedule.name} steps"
    by_hand = len(plan.overrides)
    fixed = f", {by_hand} layer{'' if by_hand == 1 else 's'} set by hand" if by_hand else ""
    return f"{plan.criterion.replace('_', ' ')}, {plan.structure}, {how_much}{when}{fixed}"


def training_line(plan: Plan) -> str:
    """How it heals: ``12 epochs of adam at 0.001 (cosine), batches of 64, seed 0``."""
    recovery = plan.recovery
    between = epochs_between(plan)
    if not recovery.epochs and not between:
        return "no fine-tuning"
    rate = f"{recovery.learning_rate:g}"
    rate += "" if recovery.rate_schedule == "constant" else f" ({recovery.rate_schedule})"
    before = f"{between} between steps and " if between else ""
    return (
        f"{before}{epochs(recovery.epochs)} of {recovery.optimiser} at {rate}, "
        f"batches of {recovery.batch_size}, seed {plan.seed}"
    )


def plan_line(plan: Plan) -> str:
    """The whole plan in one line."""
    return f"{pruning_line(plan)}; {training_line(plan)}"
