"""Quality from a part of a split: a seeded order, an honest interval, and predictions that are kept and added to."""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from core.measures.quality import NO_CLASS, Labels, Quality, summary

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


class Tally:
    """Predictions made so far for one model, one split and one set of masks. Asked for more, it goes on from there.

    Args:
        labels: Of the whole split.
        classes: Classes told apart.
        seed: Of the order samples are looked at.
        judge: Takes indices into the split, gives predictions and losses for them; may raise to stop.

    Not safe for two threads at once: the holder locks.
    """

    def __init__(
        self,
        labels: Labels,
        classes: int,
        seed: int,
        judge: Callable[[NDArray[np.int64]], tuple[Labels, NDArray[np.float64]]],
    ) -> None:
        self.labels, self.classes, self._judge = labels, classes, judge
        self.order = order(len(labels), seed)
        self.seen = 0
        self._predictions = np.full(len(labels), NO_CLASS, np.int64)
        self._losses = np.zeros(len(labels))

    @property
    def samples(self) -> int:
        """Samples of the whole split."""
        return len(self.labels)

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
            predictions, losses = self._judge(part)
            end = self.seen + len(part)
            self._predictions[self.seen : end], self._losses[self.seen : end] = predictions, losses
            self.seen = end
        return len(part)

    def quality(self) -> Quality:
        """Quality over what was looked at."""
        labels = self.labels[self.order[: self.seen]]
        return summary(self._predictions[: self.seen], self._losses[: self.seen], labels, self.classes)

    def accuracy(self) -> tuple[float, float]:
        """Accuracy over the split and the half width of its 95 % interval (0 once finished)."""
        labels = self.labels[self.order[: self.seen]]
        return interval(int(np.count_nonzero(self._predictions[: self.seen] == labels)), self.seen, self.samples)
