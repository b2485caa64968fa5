"""Lottery tickets: back to the weights of the beginning, masks kept."""

from core.plan import Plan
from core.recovery._base import Arrays, Method, Origin, Stage, rewound


class RewindInitial(Method):
    """After every pruning step the kept weights get the values they had before training, and the rate begins anew."""

    name = "rewind-initial"
    title = "Rewind to the start"
    formula = "w ← w₀ ⊙ m after every step"
    reference = "Frankle & Carbin 2019, The Lottery Ticket Hypothesis, arXiv:1803.03635"
    note = "Kept weights go back to where training began: does the ticket win again?"

    def weights(self, origin: Origin, stage: Stage) -> Arrays | None:
        return origin.initial

    def rate(self, plan: Plan, epoch: int, stage: Stage) -> float:
        return rewound(plan, epoch, stage)
