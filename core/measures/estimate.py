"""Quality from a part of a split: a seeded order, an honest interval, and predictions that are kept and added to."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.measures import values
from core.measures.quality import NO_CLASS, Labels, Quality, summary
from core.measures.values import Doubles

#: Two-sided 95 % of the normal distribution.
Z = 1.959963984540054


def order(samples: int, seed: int) -> NDArray[np.int64]:
    """The order in which samples of a split are looked at; any beginning of it is a random subset."""
    return np.random.default_rng(seed).permutation(samples)


def interval(correct: int, seen: int, samples: int) -> tuple[float, float]:
    """Middle and half width of the 95 % interval for the share correct among ``samples``.

    Wilson's score interval with the finite-population correction: ``seen`` of ``samples`` drawn without replacement
    count as ``seen (samples - 1) / (samples - seen)`` independent ones. The middle is drawn towards one half by what is
    not known yet; with everything seen it is the share itself and the half width is 0.

    Reference: Wilson 1927, JASA 22; Cochran, Sampling Techniques, 3rd edition, section 2.6.
    """
    if seen <= 0:
        return 0.5, 0.5
    share = correct / seen
    if seen >= samples:
        return share, 0.0
    weight = Z * Z * (samples - seen) / (seen * (samples - 1))
    middle = (share + weight / 2) / (1 + weight)
    return middle, sqrt(weight * share * (1 - share) + weight * weight / 4) / (1 + weight)


class Looking(ABC):
    """Predictions made so far for one model, one split and one set of masks. Asked for more, it goes on from there.

    Args:
        samples: Of the whole split.
        seed: Of the order samples are looked at.

    Not safe for two threads at once: the holder locks.
    """

    def __init__(self, samples: int, seed: int) -> None:
        self.samples = samples
        self.order = order(samples, seed)
        self.seen = 0

    @property
    def finished(self) -> bool:
        """Whether every sample was looked at."""
        return self.seen >= self.samples

    @property
    def nbytes(self) -> int:
        """Memory it holds, about."""
        return 32 * self.samples

    def advance(self, count: int) -> int:
        """Look at up to ``count`` samples more; what was looked at before stays if this raises. Returns how many."""
        part = self.order[self.seen : self.seen + count]
        if len(part):
            self._look(part, slice(self.seen, self.seen + len(part)))
            self.seen += len(part)
        return len(part)

    @abstractmethod
    def _look(self, part: NDArray[np.int64], place: slice) -> None:
        """Predict these samples of the split and note what came of it at that place."""

    @abstractmethod
    def found(self) -> Mapping[str, Any]:
        """Fields of a :class:`core.measurement.Measurement` over what was looked at."""


class Tally(Looking):
    """Of classes.

    Args:
        labels: Of the whole split.
        classes: Classes told apart.
        seed: Of the order samples are looked at.
        judge: Takes indices into the split, gives predictions and losses for them; may raise to stop.
    """

    def __init__(
        self,
        labels: Labels,
        classes: int,
        seed: int,
        judge: Callable[[NDArray[np.int64]], tuple[Labels, NDArray[np.float64]]],
    ) -> None:
        super().__init__(len(labels), seed)
        self.labels, self.classes, self._judge = labels, classes, judge
        self._predictions = np.full(len(labels), NO_CLASS, np.int64)
        self._losses = np.zeros(len(labels))

    def _look(self, part: NDArray[np.int64], place: slice) -> None:
        self._predictions[place], self._losses[place] = self._judge(part)

    def found(self) -> Mapping[str, Any]:
        quality, (accuracy, half_width) = self.quality(), self.accuracy()
        return {
            "accuracy": accuracy,
            "half_width": None if self.finished else half_width,
            "precision_macro": quality.precision,
            "recall_macro": quality.recall,
            "f1_macro": quality.f1,
            "loss": quality.loss,
            "recall_per_class": quality.recall_per_class,
        }

    def quality(self) -> Quality:
        """Quality over what was looked at."""
        labels = self.labels[self.order[: self.seen]]
        return summary(self._predictions[: self.seen], self._losses[: self.seen], labels, self.classes)

    def accuracy(self) -> tuple[float, float]:
        """Accuracy over the split and the half width of its 95 % interval (0 once finished)."""
        labels = self.labels[self.order[: self.seen]]
        return interval(int(np.count_nonzero(self._predictions[: self.seen] == labels)), self.seen, self.samples)


class ValueTally(Looking):
    """Of a regression.

    Args:
        targets: Of the whole split, ``(samples, values)``.
        seed: Of the order samples are looked at.
        predict: Takes indices into the split, gives raw outputs for them; may raise to stop.
    """

    def __init__(self, targets: NDArray[Any], seed: int, predict: Callable[[NDArray[np.int64]], NDArray[Any]]) -> None:
        super().__init__(len(targets), seed)
        self._targets, self._predict = np.asarray(targets, np.float64), predict
        self._away: Doubles = np.zeros(self._targets.shape)

    @property
    def nbytes(self) -> int:
        return 8 * self.samples + 16 * self._targets.size

    def _look(self, part: NDArray[np.int64], place: slice) -> None:
        self._away[place] = values.missed(self._predict(part), self._targets[part])

    def found(self) -> Mapping[str, Any]:
        errors = values.summary(self._away[: self.seen], self._targets[self.order[: self.seen]])
        return {"loss": errors.mse, "mae": errors.mae, "r2": errors.r2}
