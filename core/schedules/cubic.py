"""Much at first, little at the end."""

from core.schedules._base import Schedule


class Cubic(Schedule):
    """Zhu and Gupta's schedule with an initial sparsity of 0.

    s_t = s_f + (s_i - s_f) (1 - (t - t_0) / (n Δt))³ with s_i = 0, t_0 = 0, Δt = 1.
    """

    name = "cubic"
    title = "Cubic"
    reference = "Zhu & Gupta 2017, To prune, or not to prune, arXiv:1710.01878, eq. 1"
    formula = "s · (1 - (1 - t / n)³)"

    def share(self, progress: float) -> float:
        return 1.0 - (1.0 - progress) ** 3
