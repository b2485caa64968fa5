"""The control of a lottery ticket: its masks, but new weights."""

from core.initialisation import fresh
from core.plan import Plan
from core.recovery._base import Arrays, Method, Origin, Stage, rewound


class Reinitialise(Method):
    """Rounds go as for ``rewind-initial``, so that the masks are the ticket's; after the last the weights are drawn
    anew."""

    name = "reinitialise"
    title = "Reinitialise"
    formula = "w ← new draw ⊙ m after the last step"
    reference = "Frankle & Carbin 2019, The Lottery Ticket Hypothesis, arXiv:1803.03635, section 2 (control)"
    note = "The ticket's masks with new random weights: what remains is due to the masks alone."

    def weights(self, origin: Origin, stage: Stage) -> Arrays | None:
        return fresh(origin.graph, origin.seed + 1) if stage.last else origin.initial

    def rate(self, plan: Plan, epoch: int, stage: Stage) -> float:
        return rewound(plan, epoch, stage)
