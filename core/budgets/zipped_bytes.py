"""Bytes of the file, zipped."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.backends._base import Floats, LoadedModel
from core.budgets._base import Measure
from core.budgets._left import arrays_of
from core.decisions import Decision
from core.graph import Graph
from core.measures.size import zipped_bytes

if TYPE_CHECKING:
    from core.datasets import Parts

#: Files up to so many bytes are zipped whole; of larger ones blocks: as :func:`core.measures.size.sizes` does.
EXACT = 64 << 20


class ZippedBytes(Measure):
    """Bytes of the network's arrays as one file of 32-bit numbers, zeros in place, after deflate at level 6."""

    name = "zipped_bytes"
    title = "Zipped file"
    unit = "bytes"
    note = "The size of the zipped file: zeros shrink to nearly nothing, cut channels to nothing."

    def cost(
        self,
        model: LoadedModel,
        graph: Graph,
        arrays: Mapping[str, Floats],
        decision: Decision,
        parts: "Parts | None",
    ) -> float:
        left, masks = arrays_of(graph, arrays, decision)
        return float(zipped_bytes(left, masks, exact=EXACT))
