"""A criterion says what a weight is worth; the lowest scores go first."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from core.backends._base import Floats
from core.criteria._signals import Need, Signals

if TYPE_CHECKING:
    from core.structures._fold import Fold

UNSTRUCTURED = "unstructured"
CHANNEL = "channel"
#: Structures ranked entry by entry (:meth:`Criterion.entries`), as parts of one Weight (:meth:`Criterion.pooled`),
#: and by whole rows with all that hangs on them (:meth:`Criterion.rows`). A structure says by ``known_as`` under which
#: of these names it is ranked: every N:M under that of the first, every block likewise.
ENTRIES = (UNSTRUCTURED, "2:4", "1:4", "4:8")
PARTS = ("kernel", "row", "column", "block-1x4", "block-4x1", "block-4x4")
WHOLES = (CHANNEL, "head", "hidden", "removable")


class Criterion(ABC):
    """Pure functions of arrays: no framework, no global seed, no state; inputs are never written to.

    Scores are finite where weights and signals are, and comparable between the entries (or rows) of one Weight.
    """

    #: Registry name, lower case; the file is called the same.
    name: str
    #: What a person calls it.
    title: str
    #: Where it comes from.
    reference: str
    #: The score as a formula, plain text.
    formula: str
    #: Names of the structures it ranks.
    structures: tuple[str, ...]
    #: What :meth:`entries` needs, and what :meth:`rows` needs.
    entry_needs: frozenset[Need] = frozenset()
    row_needs: frozenset[Need] = frozenset()
    #: The function that :meth:`entries` applies to each weight, if that is all it does: such scores are never stored.
    entry_key: np.ufunc | None = None

    @property
    def needs(self) -> frozenset[Need]:
        """All it may ask for; empty for a criterion that needs no data."""
        return self.entry_needs | self.row_needs

    def entries(self, signals: Signals, rng: np.random.Generator) -> Floats:
        """What each entry is worth, in the weight's shape. Only criteria that rank ``unstructured``."""
        if self.entry_key is None:
            raise NotImplementedError(f"{self.name} does not rank single weights")
        scores: Floats = self.entry_key(signals.weight)
        return scores

    def pooled(self, signals: Signals, rng: np.random.Generator, fold: "Fold") -> Floats:
        """What each unit of a fold (kernel, row, column, block) is worth, ``(fold.size,)``: the mean of its entries.

        Only criteria that rank those structures; asks for no more than ``entry_needs``.
        """
        return np.asarray(fold.mean(self.entries(signals, rng)), np.float32)

    @abstractmethod
    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        """What each row (fixed output index, axis 0) is worth, ``(out,)``. Ranks channels."""


def per_row(array: Floats) -> Floats:
    """The array as ``(out, everything else)``, contiguous: sums then round alike in both frameworks."""
    return np.ascontiguousarray(array.reshape(array.shape[0], -1))
