"""Low rank whose factors are pruned in turn."""

from dataclasses import replace

import numpy as np

from core.backends._base import LoadedModel
from core.compression._base import Compressed, Context
from core.compression._factorising import Factorising, facts, told
from core.compression._healing import healed, zeros_of
from core.compression._ranks import Ranks
from core.factors import names
from core.masks import Mask
from core.plan import Compression
from core.selection import lowest_together


class SparseFactors(Factorising):
    r""":math:`W \approx (M_U \odot U_r \sqrt{S_r})(M_V \odot \sqrt{S_r} V_r^\top)`.

    Of each pair of factors exactly ``round(sparsity * size)`` entries go, the smallest magnitudes of both together;
    of equal ones those with the lower index, the first factor's (``down``) before the second's.
    """

    name = "sparse-factors"
    title = "Sparse factors"
    formula = "low rank, then the smallest |entries| of each pair of factors go"
    reference = "Swaminathan et al. 2020, Sparse low rank factorization, Neurocomputing 398"
    note = "Two thin kernels with zeros of their own; but what was pruned before is filled by their product."
    settings = ("energy", "share", "ranks", "sparsity", "epochs")

    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        whole, found = self.begun(before, choice, context)
        masks = masks_of(whole, found, choice.sparsity)
        model = healed(whole.masked(masks), {**zeros_of(whole), **masks}, choice.epochs, context)
        gone = sum(mask.removed for mask in masks.values())
        kept = sum(mask.size for mask in masks.values()) - gone
        words = (*told(before.model, model, found), f"{gone:,} entries of the factors went, {kept:,} stay.")
        return replace(before.becoming(model, layers=facts(found)), told=words)


def masks_of(model: LoadedModel, found: Ranks, sparsity: float) -> dict[str, Mask]:
    """Masks over the factors in a factorised network."""
    arrays, masks = model.arrays(), dict[str, Mask]()
    for name in found.chosen:
        pair = names(name)
        magnitudes = [np.ascontiguousarray(np.abs(arrays[one])) for one in pair]
        gone = lowest_together(magnitudes, round(sparsity * sum(one.size for one in magnitudes)))
        masks |= {one: Mask(~flags) for one, flags in zip(pair, gone, strict=True)}
    return masks
