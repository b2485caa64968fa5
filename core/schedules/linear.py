"""A straight line."""

from core.schedules._base import Schedule


class Linear(Schedule):
    """s_t = s_i + (s_f - s_i) t / n."""

    name = "linear"
    title = "Linear"
    reference = "Intel Neural Compressor, sparsity decay `linear`"
    formula = "s₀ + (s - s₀) · t / n"
    settings = ("steps", "epochs_between", "initial")

    def at(self, progress: float, final: float, initial: float) -> float:
        return initial + (final - initial) * progress
