"""Measured time of one prediction."""

from typing import TYPE_CHECKING

import numpy as np

from core.backends._base import LoadedModel
from core.budgets._base import Measure
from core.budgets._left import Left
from core.decisions import cuts
from core.inputs import Inputs, Several
from core.measures.latency import latency

if TYPE_CHECKING:
    from core.datasets import Parts

#: Seconds a probe times at most, and what a free dimension of an input counts as.
SECONDS, FREE = 0.75, 16


class Milliseconds(Measure):
    """Median time of predicting one sample with the network really cut and masked, on this machine, now."""

    name = "milliseconds"
    title = "Latency"
    unit = "ms"
    note = "The measured time of one prediction on this machine. Plain zeros cost as much time as other weights."
    exact = False

    def cost(self, left: Left) -> float:
        masks, stays = left.decision.masks, cuts(left.graph, left.decision)
        masked = left.model.masked(masks) if masks else left.model
        cut = masked.cut(stays) if stays else masked
        return latency(cut, _one(left.model, left.parts), seconds=SECONDS).median_ms

    def hint(self, plain_zeros: bool) -> str:
        if plain_zeros:
            return "Zeros save no time in a plain framework: choose a structure that is cut, such as channels."
        return super().hint(plain_zeros)


def _one(model: LoadedModel, parts: "Parts | None") -> Inputs:
    """One sample: of the validation data, else zeros."""
    if parts is not None:
        return parts.split("validation")[0][:1]
    zeros = tuple(np.zeros((1, *(FREE if d is None else d for d in shape)), np.float32) for shape in model.input_shapes)
    return zeros[0] if len(zeros) == 1 else Several(zeros, tuple(str(index) for index in range(len(zeros))))
