"""How much at which step? One small file each; add yours to the tuple."""

from core.registry import Registry
from core.schedules._base import Schedule
from core.schedules.cosine import Cosine
from core.schedules.cubic import Cubic
from core.schedules.dns import DynamicSurgery
from core.schedules.exponential import Exponential
from core.schedules.iterative import Iterative
from core.schedules.linear import Linear
from core.schedules.one_shot import OneShot
from core.schedules.rigl import RigL

SCHEDULES: Registry[Schedule] = Registry(
    "schedule",
    (OneShot(), Iterative(), Linear(), Cubic(), Exponential(), Cosine(), RigL(), DynamicSurgery()),
)

__all__ = ["SCHEDULES", "Schedule"]
