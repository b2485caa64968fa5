"""A structure says what is removed together: its units, what they are worth, and which entries go with them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import floor

import numpy as np

from core.backends._base import Masks
from core.criteria import Criterion, Need, Signals
from core.graph import Graph
from core.groups import left_out
from core.masks import Mask
from core.scores import Flags, Scores

#: By pool name: which units are gone.
Gone = Mapping[str, Flags]


@dataclass(frozen=True)
class Units:
    """One pool before it is scored: ``size`` units that compete with each other.

    ``weights`` names the arrays whose signals rank them. ``cuttable`` units can be removed for good; ``reason``
    says why others are zeroed only.
    """

    name: str
    layer: str
    size: int
    weights: tuple[str, ...]
    cuttable: bool = False
    reason: str = ""


class Structure(ABC):
    """Pure functions of the graph and of arrays."""

    #: Registry name.
    name: str
    #: What a person calls it.
    title: str
    #: One sentence for the person who chooses.
    note: str
    #: What one unit is called: "weight", "channel".
    unit: str
    #: Units a pool keeps at least.
    least: int
    #: Share of the weights that is gone when all units are: 0.5 for 2:4, whose sparsity is decided by that.
    whole: float = 1.0
    #: How its relatives are named from their numbers (``"{}:{}"``; "" where there are none), the numbers of this one,
    #: and what each number is called ("kept", "of").
    family: str = ""
    numbers: tuple[int, ...] = ()
    number_titles: tuple[str, ...] = ()
    #: Whether the number of kept units can be asked to be a multiple of 4, 8 or 16.
    rounds: bool = False

    @abstractmethod
    def left_out(self, graph: Graph) -> dict[str, str]:
        """Layers with weights that have no pool -> why, a phrase such as "it has one input"."""

    @abstractmethod
    def units(self, graph: Graph) -> tuple[Units, ...]:
        """All pools, in graph order. Empty when the network has nothing to remove."""

    def kin(self, graph: Graph, units: Units) -> str:
        """Equal for pools that are built alike: here the operation and the role of the Weight."""
        return ", ".join(described(graph, name) for name in units.weights)

    @abstractmethod
    def needs(self, criterion: Criterion) -> frozenset[Need]:
        """What the criterion needs to rank these units."""

    @abstractmethod
    def scores(
        self, graph: Graph, units: Units, criterion: Criterion, signals: Mapping[str, Signals], seed: int
    ) -> Scores:
        """What each unit is worth."""

    def quota(self, size: int, amount: float) -> int:
        """How many of ``size`` units go at that sparsity, 0 to 1: ``round(amount x size)``."""
        return round(amount * size)

    def amount(self, size: int, count: int) -> float:
        """The sparsity at which exactly ``count`` of ``size`` units go: what :meth:`quota` undoes."""
        return count / max(1, size) * self.whole

    def cap(self, size: int, most: float) -> int:
        """How many of ``size`` units can go if no more than the share ``most`` of the pool's weights may."""
        return min(size, floor(size * most / self.whole + 1e-9))

    @abstractmethod
    def comparable(self, scores: Scores, gone: Flags | None) -> Scores:
        """The scores as they are ranked together with those of other pools."""

    @abstractmethod
    def gone(self, graph: Graph, masks: Masks) -> dict[str, Flags]:
        """Which units masks have removed already; pools that are whole are left out."""

    @abstractmethod
    def masks(
        self,
        graph: Graph,
        gone: Gone,
        worth: Mapping[str, Scores] | None = None,
        before: Masks | None = None,
    ) -> dict[str, Mask]:
        """The masks of every array the removed units touch; arrays that stay whole are left out.

        Pools that ``gone`` does not name lose nothing. ``worth`` and ``before`` (masks of an earlier step) matter only
        where a unit loses some of its entries: they say which.
        """


def described(graph: Graph, array: str) -> str:
    """An array as its operation and role: "conv kernel"."""
    layer, _, role = array.rpartition(".")
    return f"{next((node.op.value for node in graph.nodes if node.layer == layer), 'no operation')} {role}"


def relative(scores: Scores, gone: Flags | None) -> Scores:
    """Divided by the mean over the units that are still there: pools differ in scale by depth and fan-in.

    The mean is that of absolute values: scores with a sign (GraSP, movement) have a scale as well.
    """
    values = scores.whole()
    mean = np.mean(np.abs(values if gone is None or gone.all() else values[~gone]), dtype=np.float64)
    return Scores(values / np.float32(mean if mean > 0 else 1), entries=scores.entries)


def of_output(graph: Graph) -> dict[str, str]:
    """Layers whose rows are the network's output, and so never go -> why."""
    return {layer: reason for layer, reason in left_out(graph).items() if reason.endswith("output is never cut")}
