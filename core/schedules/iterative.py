"""Equal steps."""

from core.schedules._base import Schedule


class Iterative(Schedule):
    """The same number of units in every step, from the whole network on."""

    name = "iterative"
    title = "Iterative"
    reference = "Han et al. 2015, Learning both Weights and Connections, arXiv:1506.02626; equal steps"
    formula = "s · t / n"

    def at(self, progress: float, final: float, initial: float) -> float:
        return final * progress
