"""Masks that change while a network trains: RigL and Dynamic Network Surgery."""

from core.backends._base import Between, Masks, Trainer, no_change
from core.checkpoints import Place
from core.datasets import Parts
from core.graph import Graph
from core.plan import Plan


class Regrowth:
    """Nothing changes yet."""

    def __init__(self, plan: Plan, parts: Parts, graph: Graph) -> None:
        self.dynamic = False
        self.dense_updates = False
        self.masks: Masks = {}

    def between(self, trainer: Trainer, masks: Masks, place: Place) -> Between:
        return no_change

    def changed(self, preparing: bool) -> bool:
        return False
