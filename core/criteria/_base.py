"""A criterion says what a weight is worth; the lowest scores go first."""

import re
from abc import ABC
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats
from core.criteria._places import missing
from core.criteria._signals import Need, Signals
from core.graph import Graph

UNSTRUCTURED = "unstructured"
CHANNEL = "channel"
#: Groups along the input axis, blocks, and other parts of one Weight; of each family the presets.
GROUPED = ("2:4", "1:4", "4:8")
BLOCKS = ("block-1x4", "block-4x1", "block-4x4")
PARTS = ("kernel", "row", "column", *BLOCKS)
#: Units that reach over several Weights and are ranked by rows.
UNITS = (CHANNEL, "head", "hidden", "removable")
EVERYTHING = (UNSTRUCTURED, *GROUPED, *PARTS, *UNITS)

#: Needs that no sample is looked at for.
WITHOUT_DATA = frozenset({Need.FLOW, Need.SCALE})
_FAMILIES = ((re.compile(r"\d+:\d+"), GROUPED), (re.compile(r"block-\d+x\d+"), BLOCKS))


class Fold(Protocol):
    """Maps an array of a Weight's shape to one number per unit, units in canonical order."""

    def sum(self, array: Floats) -> Floats:
        """The sum over each unit's entries."""

    def mean(self, array: Floats) -> Floats:
        """The mean over each unit's entries."""

    @property
    def size(self) -> Any:
        """Entries of a unit: one number, or one for each unit where they differ."""


class Criterion(ABC):
    """Pure functions of arrays: no framework, no global seed, no state; inputs are never written to.

    Scores are finite where weights and signals are, and comparable between the units of one Weight. Whoever ranks
    single weights writes :meth:`entries`; parts of a Weight are then worth the mean of their entries unless
    :meth:`pooled` says otherwise, and rows are parts like others unless :meth:`rows` does.
    """

    #: Registry name, lower case; the file is called the same.
    name: str
    #: What a person calls it.
    title: str
    #: Where it comes from.
    reference: str
    #: The score as a formula, plain text.
    formula: str
    #: Names of the structures it ranks; of a family (2:4, block-4x4) the presets.
    structures: tuple[str, ...]
    #: What :meth:`entries` and :meth:`pooled` need, and what :meth:`rows` needs.
    entry_needs: frozenset[Need] = frozenset()
    row_needs: frozenset[Need] = frozenset()
    #: The function that :meth:`entries` applies to each weight, if that is all it does: such scores are never stored.
    entry_key: np.ufunc | None = None
    #: How often scores are taken anew while one decision is made: after round k of n the share (1 - s)^(k / n) is kept.
    rounds: int = 1
    #: Whether a unit is worth what the loss rises by when it alone is gone; no array is needed then.
    ablates: bool = False

    @property
    def needs(self) -> frozenset[Need]:
        """All the arrays it may ask for beside the weights."""
        return self.entry_needs | self.row_needs

    @property
    def data_free(self) -> bool:
        """Whether it can be asked without data."""
        return self.needs <= WITHOUT_DATA and not self.ablates

    def ranks(self, structure: str) -> bool:
        """Whether it ranks the units of the structure, presets and their relatives (``3:7``) alike."""
        kin = (presets for pattern, presets in _FAMILIES if pattern.fullmatch(structure))
        return structure in self.structures or any(preset in self.structures for presets in kin for preset in presets)

    def refuses(self, graph: Graph) -> str:
        """One sentence why this network has nothing for it; "" where it has."""
        reasons = ""
        asked = {self.row_needs if structure in UNITS else self.entry_needs for structure in self.structures}
        for needs in asked:
            found = [missing(graph, weight.name, needs) for weight in graph.weights()]
            if not all(found):
                return ""
            reasons = found[0] if found else ""
        return f'Criterion "{self.name}" has nothing to go by in this network: {reasons}.' if reasons else ""

    def silent(self, graph: Graph, weight: str, structure: str) -> str:
        """Why it says nothing of a Weight's units though all it needs is there, as the end of a sentence; else ""."""
        return ""

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        """What each entry is worth, in the weight's shape. Only criteria that rank ``unstructured``."""
        if self.entry_key is None:
            raise NotImplementedError(f"{self.name} does not rank single weights")
        scores: Floats = self.entry_key(signals.weight)
        return scores

    def pooled(self, signals: Signals, rng: np.random.Generator, fold: Fold) -> Floats:
        """What units are worth that are parts of one Weight: kernels, rows, columns, blocks."""
        return fold.mean(self.entries(signals, rng))

    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        """What each row (fixed output index, axis 0) is worth, ``(out,)``. Ranks channels, heads and hidden units."""
        return np.asarray(self.pooled(signals, rng, Rows(signals.weight.shape)), np.float32)


class Rows:
    """The fold of a Weight's rows. Sums are taken over contiguous copies: they round alike in both frameworks."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape

    @property
    def size(self) -> int:
        """Entries of a row."""
        return int(np.prod(self._shape[1:], dtype=np.int64))

    def sum(self, array: Floats) -> Floats:
        sums: Floats = self._laid(array).sum(axis=1)
        return sums

    def mean(self, array: Floats) -> Floats:
        means: Floats = self._laid(array).mean(axis=1)
        return means

    def _laid(self, array: Floats) -> NDArray[np.float32]:
        return per_row(np.broadcast_to(array, self._shape))


def per_row(array: Floats) -> Floats:
    """The array as ``(out, everything else)``, contiguous: sums then round alike in both frameworks."""
    return np.ascontiguousarray(array.reshape(array.shape[0], -1))
