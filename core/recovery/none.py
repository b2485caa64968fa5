"""Nothing follows."""

from core.recovery._base import Method


class NoRecovery(Method):
    """The network stays as pruning leaves it; epochs that the plan asks for are not trained."""

    name = "none"
    title = "None"
    formula = "w ⊙ m"
    reference = "pruning alone"
    note = "Nothing is trained: what pruning costs is seen as it is."
    settings = ()
    trains = False
