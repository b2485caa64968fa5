"""What is removed together? One small file each; add yours to the tuple."""

from core.registry import Registry
from core.structures._base import Gone, Structure, Units
from core.structures._fold import Fold
from core.structures.block import Block, block
from core.structures.channel import Channel
from core.structures.column import Column
from core.structures.head import Head
from core.structures.hidden import Hidden
from core.structures.kernel import Kernel
from core.structures.n_of_m import NOfM, n_of_m
from core.structures.removable import Removable
from core.structures.row import Row
from core.structures.unstructured import Unstructured

#: Beside those listed, any ``N:M`` and any ``block-RxC`` can be asked for by name.
STRUCTURES: Registry[Structure] = Registry(
    "structure",
    (
        Unstructured(),
        Channel(),
        Head(),
        Hidden(),
        Removable(),
        NOfM(2, 4),
        NOfM(1, 4),
        NOfM(4, 8),
        Block(1, 4),
        Block(4, 1),
        Block(4, 4),
        Kernel(),
        Row(),
        Column(),
    ),
    families=(n_of_m, block),
)

__all__ = ["STRUCTURES", "Fold", "Gone", "Structure", "Units"]
