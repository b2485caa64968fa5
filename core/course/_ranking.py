"""Which of two networks is the better one, by the target of the plan."""

import sys

from core.errors import BadSetting
from core.measurement import Measurement
from core.plan import Plan

_WORST = -sys.float_info.max


def rank(measured: Measurement, target: str) -> tuple[float, float]:
    """Better is larger: the target first, then the other of quality and loss. A network that diverged is worst.

    Args:
        measured: On validation.
        target: One of ``core.plan.TARGETS``; "auto" and "accuracy" are R² of a regression.
    """
    quality, loss = measured.quality, measured.loss
    if quality is None or loss is None or loss != loss:
        return (_WORST, 0.0)
    if target == "loss":
        return (-loss, quality)
    if target == "f1_macro" and measured.f1_macro is not None:
        return (measured.f1_macro, -loss)
    return (quality, -loss)


def refuse_target(plan: Plan, task: str) -> None:
    """Refuse what only classes have, where the data is a regression.

    Raises:
        BadSetting: Macro F1 or class weights of a regression.
    """
    if task != "values":
        return
    if plan.recovery.target == "f1_macro":
        raise BadSetting('A regression has no F1. Choose the target "auto" (R²) or "loss".')
    if plan.recovery.class_weights:
        raise BadSetting("A regression has no classes to weigh. Leave class weights off.")
