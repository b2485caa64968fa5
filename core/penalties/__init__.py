"""What makes training itself sparse? One small file each; add yours to the tuple."""

from core.penalties._base import Penalty
from core.penalties.bn_scale import BatchNormScale
from core.penalties.group_lasso import GroupLasso
from core.penalties.l1 import L1
from core.penalties.l2 import L2
from core.penalties.none import NoPenalty
from core.registry import Registry

PENALTIES: Registry[Penalty] = Registry("penalty", (NoPenalty(), L1(), L2(), GroupLasso(), BatchNormScale()))

__all__ = ["PENALTIES", "Penalty"]
