"""Training goes on from the weights that are left."""

from core.recovery._base import Method


class FineTune(Method):
    """The kept weights go on learning; the rate is constant between steps and scheduled after the last."""

    name = "fine-tune"
    title = "Fine-tune"
    formula = "train w ⊙ m on"
    reference = "Han et al. 2015, Learning both Weights and Connections, arXiv:1506.02626"
    note = "The weights that are left learn to do without the others."
