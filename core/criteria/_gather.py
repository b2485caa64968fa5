"""From what a backend yields batch by batch to the signals a criterion asked for."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from core.backends._base import Floats
from core.criteria._base import per_row
from core.criteria._signals import Need, Signals
from core.errors import BadWeights, EmptyData


class Accumulator(ABC):
    """Folds one Weight's gradients, one batch after the other, into one array."""

    @abstractmethod
    def of(self, weight: Floats, gradient: Floats) -> Floats:
        """One batch's part. The parts are averaged."""


class _Gradient(Accumulator):
    def of(self, weight: Floats, gradient: Floats) -> Floats:
        return gradient


class _SquaredGradient(Accumulator):
    def of(self, weight: Floats, gradient: Floats) -> Floats:
        return np.square(gradient)


class _SquaredRowProduct(Accumulator):
    def of(self, weight: Floats, gradient: Floats) -> Floats:
        # Products of one row cancel: the sum is taken in double precision.
        sums = per_row(gradient * weight).sum(axis=1, dtype=np.float64)
        part: Floats = np.square(sums).astype(np.float32)
        return part


FROM_GRADIENTS: Mapping[Need, Accumulator] = {
    Need.GRADIENT: _Gradient(),
    Need.SQUARED_GRADIENT: _SquaredGradient(),
    Need.SQUARED_ROW_PRODUCT: _SquaredRowProduct(),
}


def gather(
    weights: Mapping[str, Floats], needs: Collection[Need], gradients: Iterable[Mapping[str, Floats]]
) -> dict[str, Signals]:
    """The signals of every Weight by name.

    Args:
        weights: By Weight name.
        needs: What is asked for; ``gradients`` is not touched when nothing is.
        gradients: One mapping per calibration batch, array name to gradient. One batch is held at a time.

    Raises:
        EmptyData: Something is asked for and there is no batch.
        BadWeights: A gradient is missing, NaN or infinite.
    """
    if not needs:
        return {name: Signals(weight) for name, weight in weights.items()}
    sums: dict[tuple[str, Need], Floats] = {}
    batches = 0
    for batch in gradients:
        batches += 1
        for name, weight in weights.items():
            gradient = _checked(name, batch)
            for need in needs:
                part = FROM_GRADIENTS[need].of(weight, gradient)
                known = sums.get((name, need))
                sums[name, need] = np.array(part) if known is None else np.add(known, part, out=known)
    if batches == 0:
        raise EmptyData("The criterion needs gradients, but there is no calibration batch to take them from.")
    for total in sums.values():
        total /= np.float32(batches)
    return {name: Signals(weight, **{n.value: sums[name, n] for n in needs}) for name, weight in weights.items()}


def _checked(name: str, batch: Mapping[str, Floats]) -> Floats:
    gradient = batch.get(name)
    if gradient is None:
        raise BadWeights(f'The framework gave no gradient for "{name}".')
    if not (np.isfinite(gradient.min()) and np.isfinite(gradient.max())):
        raise BadWeights(f'The gradient of "{name}" is NaN or infinite. Look at the scaling of the data.')
    return gradient
