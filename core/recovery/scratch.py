"""The shrunk network trained from new weights."""

from core.initialisation import fresh
from core.recovery._base import Arrays, Method, Origin, Stage


class Scratch(Method):
    """After the last step what can be cut is cut, and the small network is trained from fresh weights of its size.

    Zeros that cannot be cut stay masked. Between steps it is fine-tuned.
    """

    name = "scratch"
    title = "Train from scratch"
    formula = "cut, then train a new draw"
    reference = "Liu et al. 2019, Rethinking the Value of Network Pruning, arXiv:1810.05270"
    note = "The control every pruned shape has to beat: the small network trained from new weights."
    shrinks = True

    def weights(self, origin: Origin, stage: Stage) -> Arrays | None:
        return fresh(origin.graph, origin.seed + 1) if stage.last else None
