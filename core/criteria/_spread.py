"""How sure scores are: what they would vary by if other calibration samples had been drawn."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from core.backends._base import Floats
from core.criteria._base import Criterion
from core.criteria._passes import Part
from core.criteria._signals import Need, Signals

#: Entries of a Weight that are looked at.
SAMPLE = 1 << 16


class Spread:
    """Collects the scores each batch would give by itself, over a sample of every Weight's rows.

    For B batches with scores s_b of mean s the variance of the mean is (mean of s_b² - s²) / (B - 1), summed over
    units; the spread is its root over the root of the sum of s². Batches count alike. Scores of the whole sample
    stand for the mean of the batches' scores: the same where scores are linear in the signal, and for absolute values
    of such.

    Args:
        criterion: Scores.
        by_rows: Whether rows are ranked, else entries.
        weights: By Weight name.
    """

    def __init__(self, criterion: Criterion, by_rows: bool, weights: Mapping[str, Floats]) -> None:
        self._score = criterion.rows if by_rows else criterion.entries
        self._weights = weights
        self._steps = {n: max(1, -(-weight.size // SAMPLE)) for n, weight in weights.items()}
        self._squares: dict[str, list[float]] = {name: [] for name in weights}
        self._samples = dict.fromkeys(weights, 0.0)

    def add(self, part: Part) -> None:
        """One batch's part of the signals."""
        for (name, need), value in part.values.items():
            value = np.sqrt(value) if need is Need.INPUT_NORM else value
            self._samples[name] += part.share
            self._squares[name].append(self._total(name, Signals(self._weights[name], **{need.value: value})))

    def of(self, names: Iterable[str], signals: Mapping[str, Signals]) -> float | None:
        """The relative standard error of the scores of these Weights together; None with fewer than two batches."""
        variance, square = 0.0, 0.0
        for name in names:
            totals = self._squares[name]
            if len(totals) < 2:
                return None
            whole = self._total(name, self._per_sample(name, signals[name]))
            variance += max(0.0, float(np.mean(totals)) - whole) / (len(totals) - 1)
            square += whole
        return float(np.sqrt(variance / square)) if square > 0 else None

    def _per_sample(self, name: str, signals: Signals) -> Signals:
        """The norm over all samples on the scale of the parts' norms."""
        if signals.input_norm is None:
            return signals
        return replace(signals, input_norm=signals.input_norm / np.float32(np.sqrt(self._samples[name])))

    def _total(self, name: str, signals: Signals) -> float:
        """The sum of squared scores over the sampled rows."""
        scores = self._score(_sampled(signals, self._steps[name]), np.random.default_rng(0))
        return float(np.sum(np.square(scores, dtype=np.float64)))


def _sampled(signals: Signals, step: int) -> Signals:
    """Every so manieth row of everything; what is the same for all rows stays."""
    if step == 1:
        return signals
    rows = len(signals.weight)
    given = {name: value for name, value in vars(signals).items() if value is not None}
    return replace(signals, **{name: v[::step] if len(v) == rows else v for name, v in given.items()})
