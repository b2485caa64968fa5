"""Weights of one layer share a few values."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats, LoadedModel
from core.compression._arrays import compressible, is_convolution
from core.compression._base import Compressed, Context, Facts, Kept, Method
from core.compression._clusters import clustered
from core.compression._healing import healed, zeros_of
from core.masks import Mask
from core.plan import Compression, Recovery

#: Bytes that the names and shapes of a book and its codes take in the file.
_TABLES = 250


class Sharing(Method):
    r"""k-means over the non-zero weights of each layer; a weight is then the index of its cluster's centre.

    With ``epochs`` the centres are fine-tuned: each moves by the sum of its members' gradients,
    :math:`\partial L / \partial C_k = \sum_{ij} \partial L / \partial W_{ij} \, 1(I_{ij} = k)` (equation 3). Zeros are
    never members of a cluster. Adam, from a tenth of the plan's learning rate down to nothing: the network is done, its
    values are only to settle. Biases and normalisations learn along.
    """

    name = "sharing"
    title = "Weight sharing"
    formula = "2^bits values a layer: k-means over its non-zeros, gradients summed per value"
    reference = "Han et al. 2016, Deep Compression, arXiv:1510.00149, section 3"
    note = "A few bits a weight instead of 32; a short fine-tuning of the shared values wins back what that costs."
    settings = ("bits", "conv_bits", "start", "epochs")

    def trains(self, choice: Compression) -> bool:
        return choice.epochs > 0

    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        found = {name: kept for name, kept in self._clustered(before, choice, context).items() if kept is not None}
        layers = {name: _facts(kept, before.model.arrays()[name]) for name, kept in found.items()}
        whole = [name for name in compressible(before.model) if name not in found]
        told = (f"Too small to gain from shared values, kept as they are: {', '.join(whole)}.",) if whole else ()
        start = before.keeping(found, told=told, layers=layers)
        if not choice.epochs:
            return start
        trained = healed(
            start.model,
            {**zeros_of(start.model), **{name: Mask(kept.there) for name, kept in found.items()}},
            choice.epochs,
            context,
            what="the shared values",
            recovery=_gently(context.plan.recovery),
            shared={name: _codes(kept) for name, kept in found.items()},
        )
        return _settled(start, trained, found)

    def _clustered(self, before: Compressed, choice: Compression, context: Context) -> dict[str, Kept | None]:
        names, arrays = compressible(before.model), before.model.arrays()
        found: dict[str, Kept | None] = {}
        for done, name in enumerate(names):
            context.poll(done, len(names))
            bits = choice.conv_bits if is_convolution(arrays[name].shape) else choice.bits
            found[name] = shared(arrays[name], bits, choice.start, np.random.default_rng([context.plan.seed, done]))
        return found


def shared(array: Floats, bits: int, start: str, rng: np.random.Generator) -> Kept | None:
    """The array with at most ``2^bits`` different values beside zero; None where that takes no fewer bytes."""
    there = array != 0
    values = np.ascontiguousarray(array[there])
    if not len(values):
        return None
    book, codes = clustered(values, 1 << bits, start, rng)
    if _TABLES + 4 * len(book) + len(values) * max(1, (len(book) - 1).bit_length()) / 8 >= 4 * len(values):
        return None
    return Kept(there, codes, book)


def _gently(recovery: Recovery) -> Recovery:
    return replace(recovery, optimiser="adam", learning_rate=recovery.learning_rate / 10, rate_schedule="cosine")


def _codes(kept: Kept) -> NDArray[np.int64]:
    """Entry by entry the index of its shared value, -1 for a zero."""
    codes = np.full(kept.there.shape, -1, np.int64)
    codes[kept.there] = kept.values
    return codes


def _settled(start: Compressed, trained: LoadedModel, found: Mapping[str, Kept]) -> Compressed:
    """The trained network; each shared value is the mean of what its members became, which are equal up to rounding."""
    arrays, books = trained.arrays(), {}
    for name, kept in found.items():
        assert kept.book is not None  # made by ``shared``
        sums = np.bincount(kept.values, arrays[name][kept.there].astype(np.float64), len(kept.book))
        counts = np.bincount(kept.values, minlength=len(kept.book))
        books[name] = replace(kept, book=(sums / counts).astype(np.float32))
    moved = start.becoming(trained, told=start.told, layers=start.layers)
    return moved.keeping(books, told=start.told, layers=start.layers)


def _facts(kept: Kept, array: Floats) -> Facts:
    assert kept.book is not None  # made by ``shared``
    error = float(np.sqrt(np.mean((kept.restored() - array)[kept.there] ** 2, dtype=np.float64)))
    return {"bits": max(1, (len(kept.book) - 1).bit_length()), "values": len(kept.book), "error": error}
