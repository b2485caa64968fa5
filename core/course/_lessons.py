"""What training is told beside the labels: penalties, a teacher, class weights."""

import numpy as np

from core.backends._base import Extras, Floats, Labels, LoadedModel, Poll
from core.criteria import CRITERIA, Need
from core.datasets import Parts
from core.plan import Plan
from core.recovery import RECOVERIES


def class_weights(labels: Labels, classes: int) -> Floats:
    """Samples / (classes there x samples of the class): mean 1 over the samples, every class weighs the same.

    Classes without a sample get 1. King and Zeng 2001, Logistic Regression in Rare Events Data, section 4.
    """
    counts = np.bincount(labels, minlength=classes)[:classes]
    there = counts > 0
    weights = len(labels) / (np.count_nonzero(there) * np.maximum(counts, 1))
    return np.where(there, weights, 1.0).astype(np.float32)


def of_preparation(plan: Plan, parts: Parts, classes: int) -> Extras:
    """For training before the first pruning step."""
    penalty, strength = plan.preparation.penalty, plan.preparation.strength
    return Extras(
        penalty=penalty,
        strength=0.0 if penalty == "none" else strength,
        class_weights=_weights(plan, parts, classes),
        movement=moves(plan),
    )


def of_recovery(plan: Plan, parts: Parts, dense: LoadedModel, poll: Poll, *, dense_updates: bool) -> Extras:
    """For training after a pruning step. The teacher is ``dense``, the network as it was before pruning."""
    teaches = RECOVERIES[plan.recovery.method].teaches
    return Extras(
        teacher=dense.predict(parts.split("train")[0], poll=poll) if teaches else None,
        temperature=plan.recovery.temperature,
        teacher_weight=plan.recovery.teacher_weight,
        class_weights=_weights(plan, parts, dense.classes),
        dense_updates=dense_updates,
        movement=moves(plan),
    )


def moves(plan: Plan) -> bool:
    """Whether the criterion goes by how weights moved while training."""
    return Need.MOVEMENT in CRITERIA[plan.criterion].needs


def _weights(plan: Plan, parts: Parts, classes: int) -> Floats | None:
    if not plan.recovery.class_weights:
        return None
    return class_weights(np.asarray(parts.split("train")[1], np.int64), classes)
