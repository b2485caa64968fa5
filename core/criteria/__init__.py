"""What is a weight worth? One small file each; add yours to the tuple."""

from core.criteria._base import Criterion
from core.criteria._gather import gather
from core.criteria._signals import Need, Signals
from core.criteria.gradient import Gradient
from core.criteria.l1_norm import L1Norm
from core.criteria.l2_norm import L2Norm
from core.criteria.magnitude import Magnitude
from core.criteria.random import Random
from core.criteria.taylor import Taylor
from core.registry import Registry

CRITERIA: Registry[Criterion] = Registry("criterion", (Magnitude(), Random(), Gradient(), Taylor(), L1Norm(), L2Norm()))

__all__ = ["CRITERIA", "Criterion", "Need", "Signals", "gather"]
