"""How sure scores are: what they would vary by if other calibration samples had been drawn."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats
from core.criteria._base import Criterion
from core.criteria._passes import Part
from core.criteria._signals import Need, Signals

#: Entries of a Weight that are looked at.
SAMPLE = 1 << 14


class Spread:
    """The jackknife over batches, on a sample of every Weight's rows.

    With s_(b) the scores without batch b and their mean s, the variance of a unit's score is
    (B - 1) / B Σ (s_(b) - s)² (Tukey 1958; Efron & Stein 1981). The spread is the root of its sum over units, over the
    root of the sum of s²: a relative standard error that holds for whatever a criterion does with its signal.

    Args:
        criterion: Scores.
        by_rows: Whether rows are ranked, else entries.
        weights: By Weight name.
    """

    def __init__(self, criterion: Criterion, by_rows: bool, weights: Mapping[str, Floats]) -> None:
        self._score = criterion.rows if by_rows else criterion.entries
        self._rows = {name: len(weight) for name, weight in weights.items()}
        self._steps = {name: max(1, -(-weight.size // SAMPLE)) for name, weight in weights.items()}
        self._weights = {name: self._sampled(name, weight) for name, weight in weights.items()}
        self._parts: dict[str, list[tuple[Need, float, Floats]]] = {name: [] for name in weights}

    def add(self, part: Part) -> None:
        """One batch's part of the signals."""
        for (name, need), value in part.values.items():
            self._parts[name].append((need, part.share, self._sampled(name, value).copy()))

    def of(self, names: Iterable[str]) -> float | None:
        """The relative standard error of the scores of these Weights together; None with fewer than two batches."""
        variance, square = 0.0, 0.0
        for name in names:
            if len(self._parts[name]) < 2:
                return None
            without = self._without_one_each(name)
            mean = without.mean(axis=0)
            variance += (len(without) - 1) / len(without) * float(np.square(without - mean).sum())
            square += float(np.square(mean).sum())
        return float(np.sqrt(variance / square)) if square > 0 else None

    def _without_one_each(self, name: str) -> NDArray[np.float64]:
        """The scores without each of the batches, ``(batches, units)``."""
        parts = self._parts[name]
        total = np.sum([value * share for _, share, value in parts], axis=0, dtype=np.float64)
        shares = sum(share for _, share, _ in parts)
        return np.array([self._scored(name, n, (total - v * s) / (shares - s)) for n, s, v in parts])

    def _scored(self, name: str, need: Need, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        signal = np.sqrt(np.maximum(signal, 0)) if need is Need.INPUT_NORM else signal  # means of squares so far
        given = Signals(self._weights[name], **{need.value: signal.astype(np.float32)})
        return self._score(given, np.random.default_rng(0)).reshape(-1).astype(np.float64)

    def _sampled(self, name: str, array: Floats) -> Floats:
        """Every so manieth row; what is the same for all rows stays."""
        return array[:: self._steps[name]] if len(array) == self._rows[name] else array
