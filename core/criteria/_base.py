"""A criterion says what a weight is worth; the lowest scores go first."""

from abc import ABC, abstractmethod

import numpy as np

from core.backends._base import Floats
from core.criteria._signals import Need, Signals

UNSTRUCTURED = "unstructured"
CHANNEL = "channel"


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

    @abstractmethod
    def rows(self, signals: Signals, rng: np.random.Generator) -> Floats:
        """What each row (fixed output index, axis 0) is worth, ``(out,)``. Ranks channels."""


def per_row(array: Floats) -> Floats:
    """The array as ``(out, everything else)``, contiguous: sums then round alike in both frameworks."""
    return np.ascontiguousarray(array.reshape(array.shape[0], -1))
