"""What a criterion can ask for, and what it then gets for one Weight.

This is the door between criteria and frameworks. A backend only yields raw signals batch by batch (gradients, taps,
Hessian products); :mod:`core.criteria._passes` makes of them what is asked for, :mod:`core.criteria._gather` folds it,
in numpy and one batch at a time, into the arrays below. A new signal is a new :class:`Need`, a field of
:class:`Signals` and an entry in one of the passes.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.backends._base import Floats

#: GraSP divides the logits by this before it takes gradients (Wang et al. 2020, section 4.1, and the official code).
TEMPERATURE = 200.0
#: Random vectors behind Hutchinson's estimate of the Hessian's diagonal, for every batch, by the plan's seed.
PROBES = 8


class Need(StrEnum):
    """An array a criterion needs beside the weight. The value is the field of :class:`Signals` it fills."""

    GRADIENT = "gradient"
    SQUARED_GRADIENT = "squared_gradient"
    SQUARED_ROW_PRODUCT = "squared_row_product"
    FISHER = "fisher"
    HESSIAN_DIAGONAL = "hessian_diagonal"
    HESSIAN_GRADIENT = "hessian_gradient"
    FLOW = "flow"
    MOVEMENT = "movement"
    INPUT_NORM = "input_norm"
    INPUT_MEAN = "input_mean"
    ACTIVATION_MEAN = "activation_mean"
    ZERO_SHARE = "zero_share"
    RANK = "rank"
    ACTIVATION_TAYLOR = "activation_taylor"
    ACTIVATION_FISHER = "activation_fisher"
    SCALE = "scale"


@dataclass(frozen=True)
class Signals:
    """One Weight and what was asked for about it; the rest is None.

    Shapes are canonical: entry by entry signals are ``(out, in, *kernel)``, row by row signals ``(out,)``.
    Gradients are of the mean loss of a calibration batch in evaluation mode; in means over batches each counts as many
    samples as it holds.

    Attributes:
        weight: The values.
        gradient: Mean over batches of g.
        squared_gradient: Mean over batches of g², entry by entry.
        squared_row_product: Mean over batches of (Σ g w)², the sum over each row (fixed output index).
        fisher: Mean over *samples* of the squared gradient of the sample's own loss, entry by entry.
        hessian_diagonal: Hutchinson's estimate of the Hessian's diagonal, mean over batches and probes of z ⊙ H z.
        hessian_gradient: H g, both means over all batches; logits divided by ``TEMPERATURE``.
        flow: |∂R/∂w ⊙ w| of the network of absolute values on ones.
        movement: - Σ g w over the steps of fine-tuning.
        input_norm: √(Σ x²) of the input feature each entry multiplies, over all calibration samples and positions;
            its shape broadcasts against the weight's.
        input_mean: Mean of |x| of that feature, likewise.
        activation_mean: Row by row, mean of the channel's activation (after the nonlinearity that follows) over
            samples and positions.
        zero_share: Row by row, share of those activations that are exactly zero.
        rank: Row by row, mean over samples of the rank of the feature map.
        activation_taylor: Row by row, mean over samples of |mean over positions of ∂L/∂z · z|.
        activation_fisher: Row by row, mean over samples of (sum over positions of ∂ℓ/∂z · z)², ℓ the sample's own loss.
        scale: Row by row, the factor of the batch normalisation that follows.
    """

    weight: Floats
    gradient: Floats | None = None
    squared_gradient: Floats | None = None
    squared_row_product: Floats | None = None
    fisher: Floats | None = None
    hessian_diagonal: Floats | None = None
    hessian_gradient: Floats | None = None
    flow: Floats | None = None
    movement: Floats | None = None
    input_norm: Floats | None = None
    input_mean: Floats | None = None
    activation_mean: Floats | None = None
    zero_share: Floats | None = None
    rank: Floats | None = None
    activation_taylor: Floats | None = None
    activation_fisher: Floats | None = None
    scale: Floats | None = None
