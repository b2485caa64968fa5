"""A compressed network is trained a little, so that it settles into what it may still move."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.backends._base import LoadedModel, Masks
from core.compression._base import Context
from core.controls import total_epochs
from core.errors import BadModel, EmptyData
from core.masks import Mask
from core.recovery import learning_rate

#: Of the plan's learning rate: the network is done, its values are only to settle.
_GENTLE = 0.1


def zeros_of(model: LoadedModel) -> dict[str, Mask]:
    """Masks that hold every zero of a prunable kernel."""
    arrays = model.arrays()
    return {weight.name: Mask(arrays[weight.name] != 0) for weight in model.graph().weights()}


def tuned(
    model: LoadedModel,
    masks: Masks,
    epochs: int,
    context: Context,
    *,
    shared: Mapping[str, NDArray[np.int64]] | None = None,
) -> LoadedModel:
    """The network after so many epochs with Adam, or after the one of them that is best on validation.

    The rate falls as a cosine from a tenth of the plan's. Biases and normalisations learn along. Where no epoch is
    better than the network that came, it is given back.

    Args:
        model: Where training starts; not changed.
        masks: What stays zero.
        epochs: How many; with 0 the network is given back.
        context: Data, what training is told, and who is told of it.
        shared: Entries that share a value (``Extras.shared``).

    Raises:
        BadModel: The network cannot be trained.
        EmptyData: There is nothing to train on.
    """
    if not epochs:
        return model
    if context.parts is None or context.measure is None:
        raise EmptyData("Fine-tuning needs samples; choose a data set, or 0 epochs.")
    if not model.trainable:
        raise BadModel(f"This network cannot be trained here: {' '.join(model.notes)} Ask for 0 epochs.")
    recovery = replace(
        context.plan.recovery,
        optimiser="adam",
        learning_rate=_GENTLE * context.plan.recovery.learning_rate,
        rate_schedule="cosine",
    )
    extras = replace(context.extras, penalty="none", movement=False, dense_updates=False, shared=shared)
    trainer = model.trainer(recovery, masks, context.plan.seed, extras)
    x, y = context.parts.split("train")
    best, found = _rank(model, context), model
    for epoch in range(epochs):
        context.doing(f"Settling the compressed weights, {epoch + 1} of {epochs}")
        rate = learning_rate(recovery, epoch, epochs)
        trainer.epoch(x, y, total_epochs(context.plan) + epoch, rate, context.poll)
        now = _rank(trainer.model(), context)
        if now > best:
            best, found = now, model.with_arrays(trainer.model().arrays())
    return found


def _rank(model: LoadedModel, context: Context) -> tuple[float, float]:
    assert context.measure is not None  # looked at before
    measured = context.measure(model)
    quality, loss = measured.quality, measured.loss
    return (-np.inf if quality is None else quality, -np.inf if loss is None or np.isnan(loss) else -loss)
