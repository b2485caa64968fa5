"""Training a network that a compression changed, as the plan's recovery trains."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.backends._base import LoadedModel, Masks
from core.compression._base import Context
from core.controls import total_epochs
from core.errors import BadModel, EmptyData
from core.masks import Mask
from core.plan import Recovery
from core.recovery import learning_rate


def zeros_of(model: LoadedModel) -> dict[str, Mask]:
    """Masks over every kernel that holds zeros: what was pruned stays so."""
    arrays = model.arrays()
    found = {weight.name: arrays[weight.name] != 0 for weight in model.graph().weights()}
    return {name: Mask(kept) for name, kept in found.items() if not kept.all()}


def healed(
    model: LoadedModel,
    masks: Masks,
    epochs: int,
    context: Context,
    *,
    what: str = "the factors",
    recovery: Recovery | None = None,
    shared: Mapping[str, NDArray[np.int64]] | None = None,
) -> LoadedModel:
    """The network after some epochs of fine-tuning under masks.

    With "keep the best" and somebody to measure, the best of all epochs and of the beginning.

    Args:
        model: Where training starts; not changed.
        masks: What stays zero.
        epochs: How many; with 0 the network is given back.
        context: Data, what training is told, and who is told of it.
        what: Is fine-tuned, for whoever watches.
        recovery: Optimiser, rate and batch size, by default the plan's.
        shared: Entries that share a value (``Extras.shared``).

    Raises:
        BadModel: The network cannot be trained.
        EmptyData: There is nothing to train on.
    """
    if not epochs:
        return model
    if context.parts is None:
        raise EmptyData("Fine-tuning needs samples; choose a data set, or 0 epochs.")
    if not model.trainable:
        raise BadModel(f"This network cannot be trained here: {' '.join(model.notes)} Ask for 0 epochs.")
    recovery = replace(recovery or context.plan.recovery, epochs=epochs)
    extras = replace(context.extras, penalty="none", movement=False, dense_updates=False, shared=shared)
    trainer = model.trainer(recovery, masks, context.plan.seed, extras)
    x, y = context.parts.split("train")
    best, values = _rank(model, context), model.arrays()
    for epoch in range(epochs):
        context.doing(f"Fine-tuning {what}, epoch {epoch + 1} of {epochs}")
        rate = learning_rate(recovery, epoch)
        trainer.epoch(x, y, total_epochs(context.plan) + epoch, rate, context.poll)
        now = trainer.model()
        found = _rank(now, context)
        if best is None or found is None or found > best:
            best, values = found, {name: np.array(array) for name, array in now.arrays().items()}
    return model.with_arrays(values)


def _rank(model: LoadedModel, context: Context) -> tuple[float, float] | None:
    """How good it is on validation, larger is better; None where the last epoch is taken, whatever it is."""
    from core.course._ranking import rank  # noqa: PLC0415 - the course imports the compressions

    recovery = context.plan.recovery
    if context.measure is None or not recovery.keep_best:
        return None
    return rank(context.measure(model), recovery.target)
