"""The samples a criterion looks at, as the plan has them drawn; what training would move on them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.backends._base import Batch, Extras, Floats, LoadedModel, Masks, Poll
from core.errors import EmptyData
from core.inputs import Inputs, joined
from core.losses import sample_losses
from core.plan import Plan

if TYPE_CHECKING:
    from core.datasets import Parts

Batches = Callable[[], Iterator[Batch]]


def calibration_batches(model: LoadedModel, plan: Plan, parts: "Parts | None", masks: Masks, poll: Poll) -> Batches:
    """Gives the plan's calibration batches, the same each time. Nothing is computed before the first is asked for.

    ``poll`` is called before each batch and after the last. Samples drawn by loss have the network's loss under
    ``masks``, measured once.

    Raises:
        EmptyData: When called: there is no data.
    """
    losses: list[np.ndarray] = []

    def batches() -> Iterator[Batch]:
        from core.datasets import calibration, candidates, drawn_by_loss  # noqa: PLC0415 - only those who need data

        if parts is None:
            raise EmptyData("The criterion needs data to compute its scores from; choose a data set.")
        drawing = (plan.calibration_batches, plan.calibration_size, plan.seed)
        if plan.calibration == "uniform":
            return (Batch(x, y) for x, y in calibration(parts, *drawing))
        among = candidates(parts, *drawing)
        if not losses:
            losses.append(sample_losses(model, parts.x_train[among], parts.y_train[among], masks, poll))
        return drawn_by_loss(parts, among, losses[0], *drawing)

    def polled() -> Iterator[Batch]:
        done, total = 0, plan.calibration_batches
        for batch in batches():
            poll(done, total)
            yield batch
            done += 1
        poll(done, max(done, 1))

    return polled


def all_of(batches: Iterator[Batch]) -> tuple[Inputs, np.ndarray, np.ndarray]:
    """Samples, labels and weights of all batches, one after the other.

    Raises:
        EmptyData: There is none.
    """
    found = list(batches)
    if not found:
        raise EmptyData("There are no training samples to look at.")
    weights = [np.ones(len(b.y), np.float32) if b.weight is None else b.weight for b in found]
    return joined([b.x for b in found]), np.concatenate([b.y for b in found]), np.concatenate(weights)


def trained_movement(model: LoadedModel, plan: Plan, batches: Batches, masks: Masks) -> Mapping[str, Floats]:
    """By Weight name what the plan's optimiser moves on a copy: one step on each calibration batch.

    See :meth:`core.backends._base.Trainer.movement`. Samples drawn by loss are trained on as drawn, without weights.
    Batch by batch rather than as an epoch: every framework shuffles epochs in its own way.
    """
    recovery = replace(plan.recovery, batch_size=plan.calibration_size)
    trainer = model.trainer(recovery, masks, plan.seed, Extras(movement=True))
    for number, (x, y, _) in enumerate(batches()):
        trainer.epoch(x, y, number, recovery.learning_rate)
    return trainer.movement()
