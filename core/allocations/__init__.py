"""How much from which pool? One small file each; add yours to the tuple."""

from core.allocations._base import Allocation, Claim, Curve, Quota
from core.allocations.deviations import Deviations
from core.allocations.erk import ErdosRenyiKernel
from core.allocations.global_normalised import GlobalNormalised
from core.allocations.global_ranking import GlobalRanking
from core.allocations.isomorphic import Isomorphic
from core.allocations.lamp import Lamp
from core.allocations.mean import Mean
from core.allocations.sensitivity import Sensitivity
from core.allocations.thresholds import Thresholds
from core.allocations.uniform import Uniform
from core.registry import Registry

ALLOCATIONS: Registry[Allocation] = Registry(
    "allocation",
    (
        GlobalRanking(),
        GlobalNormalised(),
        Uniform(),
        Lamp(),
        ErdosRenyiKernel(),
        Isomorphic(),
        Sensitivity(),
        Deviations(),
        Mean(),
        Thresholds(),
    ),
)

__all__ = ["ALLOCATIONS", "Allocation", "Claim", "Curve", "Quota"]
