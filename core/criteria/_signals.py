"""What a criterion can ask for, and what it then gets for one Weight.

This is the door between criteria and frameworks. A backend only yields raw signals batch by batch
(``LoadedModel.gradients``); :mod:`core.criteria._gather` folds them, in numpy and one batch at a time, into the
arrays below, and only into those that were asked for. A new signal is a new :class:`Need`, a field of
:class:`Signals` and an accumulator.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.backends._base import Floats


class Need(StrEnum):
    """An array a criterion needs beside the weight. The value is the field of :class:`Signals` it fills."""

    GRADIENT = "gradient"
    SQUARED_GRADIENT = "squared_gradient"
    SQUARED_ROW_PRODUCT = "squared_row_product"


@dataclass(frozen=True)
class Signals:
    """One Weight and what was asked for about it; the rest is None.

    Shapes are canonical: ``weight``, ``gradient`` and ``squared_gradient`` are ``(out, in, *kernel)``,
    ``squared_row_product`` is ``(out,)``. Gradients are of the mean loss of a calibration batch in evaluation mode.

    Attributes:
        weight: The values.
        gradient: Mean over batches of g.
        squared_gradient: Mean over batches of g², entry by entry.
        squared_row_product: Mean over batches of (Σ g w)², the sum over each row (fixed output index).
    """

    weight: Floats
    gradient: Floats | None = None
    squared_gradient: Floats | None = None
    squared_row_product: Floats | None = None
