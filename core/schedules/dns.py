"""Dynamic Network Surgery: masks are decided anew while the hidden weights go on learning."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.schedules._base import Schedule
from core.scores import Flags
from core.selection import lowest

Values = NDArray[np.floating[Any]]
#: The two thresholds lie so far below and above the middle one, as a share of it, as the authors' code has it.
MARGIN = 0.1


class DynamicSurgery(Schedule):
    """Each layer's mask follows its weights, which learn on while hidden; :func:`update`.

    Every ``interval`` batches it is drawn whether masks follow, with a :func:`chance` that falls as training goes on.
    """

    name = "dns"
    title = "Dynamic Network Surgery"
    reference = "Guo et al. 2016, Dynamic Network Surgery for Efficient DNNs, arXiv:1608.04493, eq. 3 and section 3.3"
    formula = "s; masked below a, kept from b on, between them as before; a, b = (1 ∓ 0.1) · (mean + c · deviation)"
    settings = ("interval", "until")
    dynamic = True

    def at(self, progress: float, final: float, initial: float) -> float:
        return final


def chance(progress: float, until: float) -> float:
    """With which probability masks follow the weights: 1 at first, 1/2 before ``until``, then none.

    Masks at rest let what is kept learn (section 3.3, "convergence acceleration": σ(0) = 1, never rising). It falls as
    1 / (1 + γ t), like that of the authors' code.

    Args:
        progress: Share of the training after pruning that is done, 0 to 1.
        until: Share of it in which masks change, above 0 and at most 1.
    """
    return 1 / (1 + progress / until) if progress < until else 0.0


class Surgery(NamedTuple):
    """The next mask, and the thresholds and the factor c that it stands for."""

    kept: Flags
    below: float
    above: float
    factor: float


def update(weight: Values, kept: Flags, count: int, margin: float = MARGIN) -> Surgery:
    """The next mask of one Weight: exactly ``count`` entries are masked.

    h(w) = 0 where |w| < a, 1 where |w| >= b, unchanged between, with a = (1 - margin) t, b = (1 + margin) t and
    t = mean + c deviation of |w|. Masked afterwards are the kept |w| < (1 - margin) t and the masked
    |w| < (1 + margin) t: that is one ranking of |w| / (1 - margin) and |w| / (1 + margin) against t, so the t that
    masks ``count`` of them is the score at that rank, and c follows from it. Ties: lower index first.

    Args:
        weight: Values as they are trained, hidden ones among them; any shape.
        kept: The mask so far.
        count: Entries to be masked.
        margin: In [0, 1).
    """
    size = np.abs(weight).astype(np.float32)
    scores = size / np.where(kept, np.float32(1 - margin), np.float32(1 + margin))
    masked = lowest(scores, count)
    middle = float(scores[~masked].min()) if count < scores.size else float(np.nextafter(scores.max(), np.inf))
    deviation = float(size.std(dtype=np.float64))
    factor = (middle - float(size.mean(dtype=np.float64))) / deviation if deviation else 0.0
    return Surgery(~masked, (1 - margin) * middle, (1 + margin) * middle, factor)
