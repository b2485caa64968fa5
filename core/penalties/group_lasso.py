"""Whole filters and neurons are pulled towards zero."""

from math import prod, sqrt

import numpy as np

from core.backends._base import Floats
from core.penalties._base import Penalty


class GroupLasso(Penalty):
    r""":math:`\lambda \sum_j \sqrt{n} \, \lVert W_j \rVert_2` over output rows of n entries; sub-gradient
    :math:`\lambda \sqrt{n} \, W_j / \lVert W_j \rVert_2`, and 0 at a row of zeros."""

    name = "group_lasso"
    title = "Group lasso"
    formula = "λ Σ over output rows of √n · ‖row‖₂"
    reference = "Yuan & Lin 2006; Wen et al. 2016, Learning Structured Sparsity, arXiv:1608.03665, eq. 2"
    note = "Whole neurons and filters fade out together: choose it before removing channels."

    def value(self, array: Floats) -> float:
        return float(_root(array) * _norms(array).sum())

    def gradient(self, array: Floats) -> Floats:
        norms = _norms(array).reshape(-1, *(1 for _ in array.shape[1:]))
        there = norms > 0
        return np.asarray(np.where(there, _root(array) * array / np.where(there, norms, 1), 0), np.float32)


def _root(array: Floats) -> float:
    return sqrt(prod(array.shape[1:]))


def _norms(array: Floats) -> np.ndarray:
    rows = array.reshape(array.shape[0], -1)
    return np.asarray(np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1)))
