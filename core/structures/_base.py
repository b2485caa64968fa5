"""A structure says what is removed together: its units, what they are worth, and which entries go with them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from core.backends._base import Masks
from core.criteria import Criterion, Need, Signals
from core.graph import Graph
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

    @abstractmethod
    def units(self, graph: Graph) -> tuple[Units, ...]:
        """All pools, in graph order. Empty when the network has nothing to remove."""

    @abstractmethod
    def needs(self, criterion: Criterion) -> frozenset[Need]:
        """What the criterion needs to rank these units."""

    @abstractmethod
    def scores(
        self, graph: Graph, units: Units, criterion: Criterion, signals: Mapping[str, Signals], seed: int
    ) -> Scores:
        """What each unit is worth."""

    @abstractmethod
    def quota(self, size: int, amount: float) -> int:
        """How many of ``size`` units go at that sparsity."""

    @abstractmethod
    def comparable(self, scores: Scores, gone: Flags | None) -> Scores:
        """The scores as they are ranked together with those of other pools."""

    @abstractmethod
    def gone(self, graph: Graph, masks: Masks) -> dict[str, Flags]:
        """Which units masks have removed already; pools that are whole are left out."""

    @abstractmethod
    def masks(self, graph: Graph, gone: Gone) -> dict[str, Mask]:
        """The masks of every array the removed units touch; arrays that stay whole are left out."""
