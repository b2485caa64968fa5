"""Learning-rate rewinding: weights stay, the rate goes back."""

from core.plan import Plan
from core.recovery._base import Method, Stage
from core.recovery._rates import learning_rate


class RewindRate(Method):
    """After every pruning step training goes on with the rates of the last epochs of the original training.

    With t epochs to come after T of preparation these are epochs T - t to T; the whole schedule where T is not longer.
    """

    name = "rewind-rate"
    title = "Rewind the rate"
    formula = "train w ⊙ m on, rate of epochs T - t to T"
    reference = "Renda et al. 2020, Comparing Rewinding and Fine-tuning, arXiv:2003.02389, section 4"
    note = "Weights stay as they are; the learning rate starts high again."

    def rate(self, plan: Plan, epoch: int, stage: Stage) -> float:
        length = max(stage.epochs, stage.prepared)
        return learning_rate(plan.recovery, length - stage.epochs + epoch, length)
