"""Much at first, little at the end."""

from core.schedules._base import Schedule


class Cubic(Schedule):
    """Zhu and Gupta's schedule.

    s_t = s_f + (s_i - s_f) (1 - (t - t_0) / (n Δt))³ with t_0 = 0, Δt = 1. It starts fast; what Intel's tool calls
    "cube", s_i + (s_f - s_i) (t / n)³, starts slowly and is another schedule.
    """

    name = "cubic"
    title = "Cubic"
    reference = "Zhu & Gupta 2017, To prune, or not to prune, arXiv:1710.01878, eq. 1"
    formula = "s + (s₀ - s) · (1 - t / n)³"
    settings = ("steps", "epochs_between", "initial")

    def at(self, progress: float, final: float, initial: float) -> float:
        return final + (initial - final) * (1.0 - progress) ** 3
