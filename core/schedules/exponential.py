"""The same share of what is left, in every step."""

from core.schedules._base import Schedule


class Exponential(Schedule):
    """1 - s_t = (1 - s_i) ((1 - s_f) / (1 - s_i))^(t / n): every step keeps the same share of what the last one left.

    Lottery tickets that lose 20 % a round are this with a factor of 0.8: n rounds end at 1 - 0.8^n. To keep nothing
    at all (s_f = 1) has no such factor; then everything goes in the last step.
    """

    name = "exponential"
    title = "Exponential"
    reference = "Frankle & Carbin 2019, The Lottery Ticket Hypothesis, arXiv:1803.03635, section 2 (rounds)"
    formula = "1 - (1 - s₀) · ((1 - s) / (1 - s₀))^(t / n)"
    settings = ("steps", "epochs_between", "initial")

    def at(self, progress: float, final: float, initial: float) -> float:
        if initial >= 1 or progress == 0:
            return initial
        left = (1.0 - final) / (1.0 - initial)
        return 1.0 - (1.0 - initial) * float(left**progress)
