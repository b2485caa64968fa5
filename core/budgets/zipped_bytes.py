"""Bytes of the file, zipped."""

from core.budgets._base import Measure
from core.budgets._left import Left
from core.measures.size import zipped_bytes

#: Files up to so many bytes are zipped whole; of larger ones blocks: as :func:`core.measures.size.sizes` does.
EXACT = 64 << 20


class ZippedBytes(Measure):
    """Bytes of the network's arrays as one file of 32-bit numbers, zeros in place, after deflate at level 6."""

    name = "zipped_bytes"
    title = "Zipped file"
    unit = "bytes"
    note = "The size of the zipped file: zeros shrink to nearly nothing, cut channels to nothing."

    def cost(self, left: Left) -> float:
        arrays, masks = left.cut()
        return float(zipped_bytes(arrays, masks, exact=EXACT))
