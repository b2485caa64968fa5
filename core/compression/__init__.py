"""What makes the weights smaller once the network is done? One small file each; add yours to the tuple.

A page carries the steps out in this order: first what changes the network, last what changes only the file.
"""

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
from core.registry import Registry

COMPRESSIONS: Registry[Method] = Registry(
    "compression", (LowRank(), SparseFactors(), Sharing(), Float16(), Int8(), Int8Activations(), Coding())
)

__all__ = [
    "COMPRESSIONS",
    "PRESETS",
    "Compressed",
    "Context",
    "Kept",
    "Method",
    "Preset",
    "content",
    "read",
    "snippet",
    "write",
]
