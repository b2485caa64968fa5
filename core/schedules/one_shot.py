"""Everything at once."""

from core.schedules._base import Schedule


class OneShot(Schedule):
    """One step, whatever number of steps is asked for."""

    name = "one-shot"
    title = "One shot"
    reference = "Li et al. 2017, Pruning Filters for Efficient ConvNets, arXiv:1608.08710 (prune once and retrain)"
    formula = "s"
    settings = ()

    def at(self, progress: float, final: float, initial: float) -> float:
        return final
