"""What crosses the seam to a framework beside networks: arrays by name, calibration samples, what flowed, extras.

Everybody takes these from :mod:`core.backends._base`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.inputs import Inputs
from core.masks import Mask

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Masks = Mapping[str, Mask]
#: ``(array name, axis) -> kept indices``, sorted ascending, at least one.
Cuts = Mapping[tuple[str, int], NDArray[np.int64]]
#: Called after every batch with (batches done, batches in all); may raise ``Cancelled`` or ``Superseded``.
Poll = Callable[[int, int], None]
#: Called after every optimiser step with the batches done in this epoch; may call ``Trainer.set_masks``.
Between = Callable[[int], None]


def no_poll(done: int, total: int) -> None:
    """A poll that lets the work go on."""


def no_change(done: int) -> None:
    """Between batches nothing happens."""


class Batch(NamedTuple):
    """Calibration samples. The loss of a batch is the mean over its samples of ``weight`` times the sample's loss.

    ``weight`` makes up for how the samples were drawn (importance sampling); None stands for ones.
    """

    x: Inputs
    y: Labels | Floats
    weight: Floats | None = None


@dataclass(frozen=True)
class Tap:
    """What flowed through one place of the network for one batch.

    ``value`` is ``(samples, *shape)`` in the framework's own axis order. ``gradient``, of the same shape, is that of
    the *sum* over samples of ``weight`` times the sample's loss: row n belongs to sample n alone.
    """

    value: Floats
    gradient: Floats | None = None


@dataclass(frozen=True)
class Extras:
    """What training does beside fitting the labels.

    Attributes:
        penalty: One of ``core.penalties.PENALTIES``; its sub-gradient joins that of the loss at every step. It is no
            part of the loss that is reported.
        strength: The penalty's factor.
        teacher: The dense network's raw outputs for the training samples, row by row as they are handed to
            ``Trainer.epoch``. The loss is then ``(1 - teacher_weight) x loss + teacher_weight x T^2 x KL(teacher ||
            student)`` with both softened by the temperature T (Hinton et al. 2015, arXiv:1503.02531, section 2);
            for regression the mean squared distance to the teacher takes the place of T^2 x KL.
        class_weights: One factor a class for each sample's loss, mean 1 over the training samples.
        dense_updates: Masked entries keep their values and go on learning: the forward pass sees them as zero, the
            gradient with respect to the masked weight moves the weight itself (straight through).
        movement: Sum up - gradient x weight of every step, entry by entry, for ``Trainer.movement``.
        shared: By array name the index of each entry's shared value, -1 for an entry of its own (or masked). The
            gradient of each entry is then the sum over all entries that share its value (Han et al. 2016,
            arXiv:1510.00149, equation 3): values that begin equal stay equal.
    """

    penalty: str = "none"
    strength: float = 0.0
    teacher: Floats | None = None
    temperature: float = 4.0
    teacher_weight: float = 0.5
    class_weights: Floats | None = None
    dense_updates: bool = False
    movement: bool = False
    shared: Mapping[str, NDArray[np.int64]] | None = None


@dataclass(frozen=True)
class EpochResult:
    """What one epoch of training gave, over the training samples it saw (training mode, masks on).

    ``accuracy`` of a regression is R^2 over the epoch's predictions.
    """

    loss: float
    accuracy: float
    samples: int
    seconds: float
