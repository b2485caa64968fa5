"""Equal steps."""

from core.schedules._base import Schedule


class Iterative(Schedule):
    """The same number of units in every step."""

    name = "iterative"
    title = "Iterative"
    reference = "Han et al. 2015, Learning both Weights and Connections, arXiv:1506.02626; equal steps"
    formula = "s · t / n"

    def share(self, progress: float) -> float:
        return progress
