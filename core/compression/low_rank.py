"""Kernels as products of two thinner ones."""

from core.compression._base import Compressed, Context
from core.compression._factorising import Factorising, facts, told
from core.compression._healing import healed, zeros_of
from core.plan import Compression


class LowRank(Factorising):
    r""":math:`W \approx U_r S_r V_r^\top`: one layer of r channels, then one that brings them back to as many.

    The kernel ``(out, in, *window)`` is read as ``out x (in * window)``. The rank is the smallest that keeps the
    energy, the share of the squared singular values; or the ranks are those that keep most within a share of the
    parameters; or a person fixed them. A kernel whose factors would be no smaller stays whole.
    """

    name = "low-rank"
    title = "Low rank"
    formula = "W ≈ (U √S)(√S Vᵀ), the r largest singular values of each kernel"
    reference = "Denton et al. 2014, arXiv:1404.0736; Zhang et al. 2015, arXiv:1505.06798, section 2"
    note = "Fewer multiplications in any runtime; but a product of two factors is dense."
    settings = ("energy", "share", "ranks", "epochs")

    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        model, found = self.begun(before, choice, context)
        model = healed(model, zeros_of(model), choice.epochs, context)
        return before.becoming(model, told=told(before.model, model, found), layers=facts(found))
