"""What heals a pruned network? One small file each; add yours to the tuple."""

from core.recovery._base import Method, Origin, Stage
from core.recovery._rates import learning_rate
from core.recovery.distil import Distil
from core.recovery.fine_tune import FineTune
from core.recovery.none import NoRecovery
from core.recovery.recalibrate import Recalibrate
from core.recovery.reinitialise import Reinitialise
from core.recovery.rewind_early import RewindEarly
from core.recovery.rewind_initial import RewindInitial
from core.recovery.rewind_rate import RewindRate
from core.recovery.scratch import Scratch
from core.registry import Registry

RECOVERIES: Registry[Method] = Registry(
    "recovery",
    (
        FineTune(),
        Distil(),
        Recalibrate(),
        RewindInitial(),
        RewindEarly(),
        RewindRate(),
        Reinitialise(),
        Scratch(),
        NoRecovery(),
    ),
)

__all__ = ["RECOVERIES", "Method", "Origin", "Stage", "learning_rate"]
