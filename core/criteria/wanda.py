"""Weights and activations: a small weight on a strong input counts, and rows compare within themselves."""

import numpy as np

from core.backends._base import Floats
from core.criteria._base import EVERYTHING, Criterion, Fold, per_row
from core.criteria._signals import Need, Signals


class Wanda(Criterion):
    """The rank of |w| · ‖x‖₂ within its output row, as a share in (0, 1].

    x is the input feature that the weight multiplies, over all samples and positions; of a convolution the input
    channel (one norm for the whole window). The paper compares weights within each output row and takes the same
    share of every row: ranks instead of products make any selection do that. A threshold of 0.5 takes half of each
    row. Groups N:M lie within rows, their order is that of the products. Larger units are worth the mean of the
    products themselves.
    """

    name = "wanda"
    title = "Wanda"
    reference = "Sun et al. 2023, A Simple and Effective Pruning Approach for LLMs, arXiv:2306.11695, eq. 1"
    formula = "rank of |w| · ‖x‖₂ within its output row / row length; larger units: mean of |w| · ‖x‖₂"
    structures = EVERYTHING
    entry_needs = row_needs = frozenset({Need.INPUT_NORM})

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        products = per_row(self.products(signals))
        order = np.argsort(products, axis=1, kind="stable")
        ranks = np.empty_like(products)
        places = np.arange(1, products.shape[1] + 1, dtype=np.float32) / np.float32(products.shape[1])
        np.put_along_axis(ranks, order, np.broadcast_to(places, products.shape), axis=1)
        return ranks.reshape(signals.weight.shape)

    def pooled(self, signals: Signals, rng: np.random.Generator, fold: Fold) -> Floats:
        return fold.mean(self.products(signals))

    def products(self, signals: Signals) -> Floats:
        """|w| · ‖x‖₂, entry by entry."""
        assert signals.input_norm is not None  # promised by entry_needs
        products: Floats = np.abs(signals.weight) * signals.input_norm
        return products
