"""A penalty pulls weights towards zero while a network trains."""

from abc import ABC, abstractmethod

from core.backends._base import Floats
from core.graph import Graph, Op


class Penalty(ABC):
    """What is added to the loss, as numpy says it; trainers compute the same in their framework.

    Only the sub-gradient joins training, before the optimiser; the loss that is reported is without the penalty.
    """

    #: Registry name, lower case.
    name: str
    #: What a person calls it.
    title: str
    #: The term that is added to the loss, plain text; λ is ``Preparation.strength``.
    formula: str
    #: Where it comes from.
    reference: str
    #: One sentence for the person who chooses.
    note: str
    #: Names of the settings in ``core.plan.Preparation`` that it obeys; pages offer only these.
    settings: tuple[str, ...] = ("strength",)

    def arrays(self, graph: Graph) -> tuple[str, ...]:
        """Names of the arrays it pulls at: every prunable kernel."""
        return tuple(weight.name for weight in graph.weights())

    @abstractmethod
    def value(self, array: Floats) -> float:
        """The term of one array, without λ."""

    @abstractmethod
    def gradient(self, array: Floats) -> Floats:
        """Its sub-gradient, of the array's shape, without λ; 0 wherever the array is not differentiable."""


def scales(graph: Graph) -> tuple[str, ...]:
    """The scales of batch normalisations, in graph order."""
    layers = dict.fromkeys(node.layer for node in graph.nodes if node.op is Op.BATCH_NORM and node.layer)
    return tuple(f"{layer}.scale" for layer in layers if f"{layer}.scale" in graph.arrays)
