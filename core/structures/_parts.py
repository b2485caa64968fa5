"""What all structures have in common whose units are boxes of one Weight's entries. Zeros, no smaller shapes."""

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from core.backends._base import Masks
from core.criteria import Criterion, Need, Signals
from core.criteria._seeding import generator
from core.graph import Graph, Weight
from core.masks import Mask
from core.scores import Flags, Scores
from core.structures._base import Gone, Structure, Units, relative
from core.structures._fold import Fold


class Parts(Structure):
    """One pool per Weight, named after it; biases are never touched.

    Between layers units are compared relative to the mean of their layer, as channels are: a row of 800 weights and
    one of 9 have no common scale.
    """

    least = 0

    @abstractmethod
    def box(self, weight: Weight) -> tuple[int, ...] | str:
        """Entries along each axis that make a unit of this Weight; or why it has none, a phrase."""

    def fold(self, weight: Weight) -> Fold | None:
        """The Weight cut into units; None where the structure does not apply."""
        box = self.box(weight)
        return None if isinstance(box, str) else Fold(weight.shape, box)

    def spared(self, graph: Graph) -> Mapping[str, str]:
        """Layers that are left whole wherever they stand -> why."""
        return {}

    def left_out(self, graph: Graph) -> dict[str, str]:
        there = {unit.layer for unit in self.units(graph)}
        reasons = {
            w.layer: box for w in graph.weights() if w.layer not in there and isinstance(box := self.box(w), str)
        }
        return reasons | dict(self.spared(graph))

    def units(self, graph: Graph) -> tuple[Units, ...]:
        return tuple(Units(w.name, w.layer, fold.units, (w.name,)) for w, fold in self._folds(graph))

    def needs(self, criterion: Criterion) -> frozenset[Need]:
        return criterion.entry_needs

    def scores(
        self, graph: Graph, units: Units, criterion: Criterion, signals: Mapping[str, Signals], seed: int
    ) -> Scores:
        fold = next(fold for weight, fold in self._folds(graph) if weight.name == units.name)
        return Scores(criterion.pooled(signals[units.name], generator(seed, units.name), fold))

    def comparable(self, scores: Scores, gone: Flags | None) -> Scores:
        return relative(scores, gone)

    def gone(self, graph: Graph, masks: Masks) -> dict[str, Flags]:
        return {w.name: ~fold.any(masks[w.name].kept) for w, fold in self._folds(graph) if w.name in masks}

    def masks(
        self,
        graph: Graph,
        gone: Gone,
        worth: Mapping[str, Scores] | None = None,
        before: Masks | None = None,
    ) -> dict[str, Mask]:
        return {
            weight.name: Mask(fold.spread(np.logical_not(gone[weight.name])))
            for weight, fold in self._folds(graph)
            if weight.name in gone and gone[weight.name].any()
        }

    def _folds(self, graph: Graph) -> list[tuple[Weight, Fold]]:
        spared = self.spared(graph)
        pairs = ((weight, self.fold(weight)) for weight in graph.weights() if weight.layer not in spared)
        return [(weight, fold) for weight, fold in pairs if fold is not None]
