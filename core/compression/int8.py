"""Eight-bit whole numbers, one scale for each output channel."""

import numpy as np

from core.backends._base import Floats
from core.compression._arrays import compressible
from core.compression._base import Compressed, Context, Kept, Method
from core.plan import Compression


class Int8(Method):
    r"""Symmetric: :math:`q = round(w / s)` in -127 … 127 with :math:`s = max |w| / 127` of the output channel.

    The zero point is 0, so zeros stay zeros; ties round to the even number. Biases and normalisations keep their
    precision: they are few. The quickest form of what runtimes do with weights.
    """

    name = "int8"
    title = "8-bit integers"
    formula = "q = round(w / s), s = max|w| / 127 of each output channel, zero point 0"
    reference = "Krishnamoorthi 2018, Quantizing deep convolutional networks, arXiv:1806.08342, sections 2.2 and 3.1.2"
    note = "One byte a weight and a scale for each channel; weights only, so no samples are needed."

    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        arrays = before.model.arrays()
        found = {name: rounded(arrays[name]) for name in compressible(before.model)}
        layers = {
            name: {"bits": 8, "error": float(np.abs(kept.restored() - arrays[name]).max(initial=0))}
            for name, kept in found.items()
        }
        return before.keeping(found, layers=layers)


def rounded(array: Floats) -> Kept:
    """The array as whole numbers with a scale for each index of axis 0."""
    largest = np.abs(array.reshape(array.shape[0], -1)).max(1, initial=0).astype(np.float32)
    scale = largest / np.float32(127)
    scale[scale == 0] = 1  # a channel of zeros, or of what is too small to be divided
    whole = np.rint(array / scale.reshape(-1, *(1 for _ in array.shape[1:])))
    whole = np.clip(whole, -127, 127).astype(np.int8)
    there = whole != 0
    book, codes = np.unique(whole[there], return_inverse=True)
    return Kept(there, codes.reshape(-1).astype(np.uint16), book, scale)
