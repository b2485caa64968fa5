"""Filter pruning via the geometric median: the filter that the others can replace best goes first."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import UNITS, Criterion, per_row
from core.criteria._signals import Signals

#: Rows whose distances are computed together.
_BLOCK = 256


class Fpgm(Criterion):
    """Σ over all filters of the layer of ‖W_j - W_j'‖₂, raw weights, signs and all."""

    name = "fpgm"
    title = "Geometric median (FPGM)"
    reference = "He et al. 2019, Filter Pruning via Geometric Median, arXiv:1811.00250"
    formula = "Σ over the layer's filters of ‖W_j - W_j'‖₂"
    structures = UNITS

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        rows = per_row(signals.weight).astype(np.float64)
        squares = np.einsum("ij,ij->i", rows, rows)
        scores = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            # ‖a - b‖² = ‖a‖² + ‖b‖² - 2 ab; in double precision what cancels is far below a float32's digits.
            distances = squares[part, None] + squares - 2 * (rows[part] @ rows.T)
            scores[part] = np.sqrt(np.maximum(distances, 0)).sum(axis=1)
        return scores
