"""What makes the weights smaller once the network is done? One small file each; add yours to the tuple.

A page carries the steps out in this order: first what changes the network, last what changes only the file.
"""

from collections.abc import Sequence

from core.compression._base import Compressed, Context, Kept, Method
from core.compression._file import content, read, snippet, write
from core.compression._presets import PRESETS, Preset
from core.compression.coding import Coding
from core.compression.float16 import Float16
from core.compression.int8 import Int8
from core.compression.int8_activations import Int8Activations
from core.compression.low_rank import LowRank
from core.compression.sharing import Sharing
from core.compression.sparse_factors import SparseFactors
from core.plan import Compression
from core.registry import Registry

COMPRESSIONS: Registry[Method] = Registry(
    "compression", (LowRank(), SparseFactors(), Sharing(), Float16(), Int8(), Int8Activations(), Coding())
)


def clash(choices: Sequence[Compression]) -> str:
    """One sentence where several steps would each make factors of the kernels; "" where one does at most.

    Raises:
        UnknownName: There is no such compression.
    """
    methods = [COMPRESSIONS[choice.method] for choice in choices]
    titles = [method.title for method in methods if not method.keeps_zeros]
    if len(titles) < 2:
        return ""
    return f"{' and '.join(titles)} would each make factors of the kernels, the second of those of the first. Keep one."


__all__ = [
    "COMPRESSIONS",
    "PRESETS",
    "Compressed",
    "Context",
    "Kept",
    "Method",
    "Preset",
    "clash",
    "content",
    "read",
    "snippet",
    "write",
]
