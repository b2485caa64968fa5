"""What single samples cost a network, from its raw outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import LoadedModel, Masks, Poll, no_poll
from core.inputs import Inputs
from core.measures.quality import judged


def sample_losses(
    model: LoadedModel, x: Inputs, y: NDArray[Any], masks: Masks | None = None, poll: Poll = no_poll
) -> NDArray[np.float64]:
    """Each sample's own loss: cross-entropy in nats, of a regression the mean squared error over its values.

    A sample whose loss is NaN or infinite costs as much as the dearest of the others, or 1 if there is none.
    """
    outputs = model.predict(x, masks, poll=poll)
    if model.output == "regression":
        error = np.asarray(outputs, np.float64).reshape(len(y), -1) - np.asarray(y, np.float64).reshape(len(y), -1)
        losses = np.square(error).mean(axis=1)
    else:
        losses = judged(outputs, y, model.output, model.classes)[1]
    finite = np.isfinite(losses)
    return np.where(finite, losses, losses[finite].max(initial=0.0) or 1.0)
