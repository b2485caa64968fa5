"""The dense network teaches the pruned one."""

from core.recovery._base import Method


class Distil(Method):
    """The loss is :math:`(1 - a) L + a T^2 KL(teacher || student)`, both softened by the temperature T.

    The teacher's outputs are computed once, from the dense network as it was before pruning. For a regression the mean
    squared distance to the teacher takes the place of the divergence.
    """

    name = "distil"
    title = "Distil"
    formula = "(1 - a) loss + a T² KL(dense ‖ pruned), softened by T"
    reference = "Hinton et al. 2015, Distilling the Knowledge in a Neural Network, arXiv:1503.02531"
    note = "The dense network's answers, doubts included, are the lesson for the pruned one."
    settings = (*Method.settings, "temperature", "teacher_weight")
    teaches = True
