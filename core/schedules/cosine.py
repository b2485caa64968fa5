"""Little at first, much at the end."""

from math import cos, pi

from core.schedules._base import Schedule


class Cosine(Schedule):
    """s_t = s_i + (s_f - s_i) (1 - cos(π t / (2 n)))."""

    name = "cosine"
    title = "Cosine"
    reference = "Intel Neural Compressor, sparsity decay `cos`"
    formula = "s₀ + (s - s₀) · (1 - cos(π t / 2n))"
    settings = ("steps", "epochs_between", "initial")

    def at(self, progress: float, final: float, initial: float) -> float:
        return initial + (final - initial) * (1.0 - cos(pi * progress / 2.0))
