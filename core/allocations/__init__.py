"""How much from which pool? One small file each; add yours to the tuple."""

from core.allocations._base import Allocation, Claim, Quota
from core.allocations.global_ranking import GlobalRanking
from core.allocations.thresholds import Thresholds
from core.allocations.uniform import Uniform
from core.registry import Registry

ALLOCATIONS: Registry[Allocation] = Registry("allocation", (GlobalRanking(), Uniform(), Thresholds()))

__all__ = ["ALLOCATIONS", "Allocation", "Claim", "Quota"]
