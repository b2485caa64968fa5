"""RigL: at full sparsity from the start, weak weights are exchanged for those the gradient asks for."""

from math import cos, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.plan import ScheduleChoice
from core.schedules._base import Schedule
from core.scores import Flags
from core.selection import lowest

Values = NDArray[np.floating[Any]]


class RigL(Schedule):
    """Every ``interval`` batches the share f(t) of each layer's kept weights is exchanged; see :func:`update`.

    The authors exchange instead of a step of the optimiser, by that batch's gradient; here it comes after the step, by
    the gradient of another batch of training samples, without dropout.
    """

    name = "rigl"
    title = "RigL"
    reference = "Evci et al. 2020, Rigging the Lottery: Making All Tickets Winners, arXiv:1911.11134, section 3"
    formula = "s; exchanged: drop / 2 · (1 + cos(π t / t_end))"
    settings = ("interval", "drop", "until")
    dynamic = True

    def at(self, progress: float, final: float, initial: float) -> float:
        return final

    def exchanged(self, choice: ScheduleChoice, points: int = 100) -> list[tuple[float, float]]:
        places = [point / points for point in range(points + 1)]
        return [(place, drop_fraction(place, choice.drop, choice.until)) for place in places]


def drop_fraction(progress: float, drop: float, until: float) -> float:
    """Share of the kept weights that is exchanged: f(t) = drop / 2 (1 + cos(π t / t_end)), 0 from t_end on.

    Args:
        progress: Share of all batches done, in [0, 1].
        drop: α, the share at the start.
        until: Where the exchange ends, t_end as a share of all batches.
    """
    return drop / 2 * (1 + cos(pi * progress / until)) if progress < until else 0.0


def update(weight: Values, gradient: Values, kept: Flags, fraction: float) -> tuple[Flags, Flags]:
    """The next mask of one Weight.

    Of the n kept weights the ``int(fraction x n)`` smallest |w| are dropped; then, of all that are not kept (those
    just dropped among them), as many with the largest |gradient| are grown. Ties: lower index first, in both.

    Args:
        weight: Values, any shape.
        gradient: Of the loss with respect to the masked weight, dense.
        kept: The mask.
        fraction: In [0, 1], from :func:`drop_fraction`.

    Returns:
        The new mask, with as many entries kept as before, and which of them were masked before: these start at 0.
    """
    count = int(fraction * int(np.count_nonzero(kept)))
    outside = np.float32(np.inf)
    dropped = lowest(np.where(kept, np.abs(weight), outside).astype(np.float32), count) & kept
    stays = kept & ~dropped
    grown = lowest(np.where(stays, outside, -np.abs(gradient)).astype(np.float32), count) & ~stays
    found = stays | grown
    return found, found & ~kept
