"""Half precision."""

import numpy as np

from core.backends._base import Floats
from core.compression._base import Compressed, Context, Kept, Method
from core.measures.size import trained
from core.plan import Compression

_HALF = np.finfo(np.float16)


class Float16(Method):
    """Every number that is kept as such becomes the nearest one of half precision: 11 bits of mantissa, 5 of exponent.

    Running statistics of batch normalisation stay as they are: variances lie outside the range too often. What is
    larger than 65,504 becomes that.
    """

    name = "float16"
    title = "Half precision"
    formula = "w → the nearest number with 11 bits of mantissa and 5 of exponent"
    reference = "IEEE 754-2008, binary16"
    note = "Two bytes for every number instead of four; accuracy hardly ever notices."

    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        arrays = before.model.arrays()
        found = {name: halved(before.kept.get(name), arrays[name]) for name in trained(arrays)}
        over = sum(int(np.count_nonzero(np.abs(arrays[name]) > _HALF.max)) for name in found)
        told = (f"{over:,} values beyond 65,504 became 65,504.",) if over else ()
        return before.keeping(found, told=told, layers={name: {"bits": 16} for name in found})


def halved(kept: Kept | None, array: Floats) -> Kept:
    """An array's numbers in half precision; what is an index or a whole number already stays."""
    if kept is not None and kept.book is not None:
        book = kept.book if kept.book.dtype == np.int8 else _half(kept.book)
        return Kept(kept.there, kept.values, book, kept.scale)
    there = array != 0
    return Kept(there, _half(array[there]))


def _half(values: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    return np.clip(values, -_HALF.max, _HALF.max).astype(np.float16)
