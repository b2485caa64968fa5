"""Single weights: the finest structure. Zeros, no smaller shapes."""

from collections.abc import Mapping

import numpy as np

from core.backends._base import Masks
from core.criteria import Criterion, Need, Signals
from core.criteria._seeding import generator
from core.graph import Graph
from core.masks import Mask
from core.scores import Flags, Scores
from core.structures._base import Gone, Structure, Units


class Unstructured(Structure):
    """Every entry of every kernel by itself; one pool per Weight, named after it. Biases are never touched."""

    name = "unstructured"
    title = "Unstructured"
    note = "Any weight can become zero. Best accuracy for the sparsity; the file shrinks only when zipped."
    unit = "weight"
    least = 0

    def left_out(self, graph: Graph) -> dict[str, str]:
        return {}

    def units(self, graph: Graph) -> tuple[Units, ...]:
        return tuple(Units(w.name, w.layer, w.size, (w.name,)) for w in graph.weights())

    def needs(self, criterion: Criterion) -> frozenset[Need]:
        return criterion.entry_needs

    def scores(
        self, graph: Graph, units: Units, criterion: Criterion, signals: Mapping[str, Signals], seed: int
    ) -> Scores:
        if criterion.entry_key is not None:
            return Scores(signals[units.name].weight, criterion.entry_key)
        return Scores(criterion.entries(signals[units.name], generator(seed, units.name)))

    def comparable(self, scores: Scores, gone: Flags | None) -> Scores:
        """As they are: one threshold for the whole network."""
        return scores

    def gone(self, graph: Graph, masks: Masks) -> dict[str, Flags]:
        names = (w.name for w in graph.weights())
        return {name: ~masks[name].kept.reshape(-1) for name in names if name in masks}

    def masks(
        self,
        graph: Graph,
        gone: Gone,
        worth: Mapping[str, Scores] | None = None,
        before: Masks | None = None,
    ) -> dict[str, Mask]:
        return {
            w.name: Mask(np.logical_not(gone[w.name]).reshape(w.shape))
            for w in graph.weights()
            if w.name in gone and gone[w.name].any()
        }
