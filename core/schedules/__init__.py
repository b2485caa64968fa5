"""How much at which step? One small file each; add yours to the tuple."""

from core.registry import Registry
from core.schedules._base import Schedule
from core.schedules.cubic import Cubic
from core.schedules.iterative import Iterative
from core.schedules.one_shot import OneShot

SCHEDULES: Registry[Schedule] = Registry("schedule", (OneShot(), Iterative(), Cubic()))

__all__ = ["SCHEDULES", "Schedule"]
