"""From what flows through the network to what a Weight takes and what its rows make, batch by batch.

Samples count as they are weighted. A shared layer's places are looked at together: their positions add up.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats, Tap
from core.criteria._places import Place, Use
from core.criteria._signals import Need

Sums = NDArray[np.float64]

#: Needs that what flows through the network fills, and those of them that need its gradient too.
WITH_GRADIENTS = frozenset({Need.ACTIVATION_TAYLOR, Need.ACTIVATION_FISHER})
FROM_TAPS = frozenset({Need.INPUT_NORM, Need.INPUT_MEAN, Need.ACTIVATION_MEAN, Need.ZERO_SHARE, Need.RANK}) | (
    WITH_GRADIENTS
)
_OF_INPUTS = frozenset({Need.INPUT_NORM, Need.INPUT_MEAN})


def names(uses: Sequence[Use], needs: frozenset[Need]) -> set[str]:
    """The places that have to be tapped."""
    found = {use.taken.tap for use in uses if use.taken is not None} if needs & _OF_INPUTS else set()
    return found | ({use.made.tap for use in uses} if needs - _OF_INPUTS else set())


def statistic(
    need: Need, shape: tuple[int, ...], uses: Sequence[Use], taps: Mapping[str, Tap], weight: Sums
) -> tuple[float, Floats]:
    """One batch's part of a signal, and how much it counts in the mean over batches.

    Args:
        need: One of ``FROM_TAPS``.
        shape: Of the Weight.
        uses: All places where it is used.
        taps: What flowed through them.
        weight: Of each sample.

    Returns:
        The batch's share, and a mean over its samples. ``INPUT_NORM`` is still squared.
    """
    if need in _OF_INPUTS:
        sums, positions = _inputs(need, uses, taps)
        per_sample = sums if need is Need.INPUT_NORM else sums / max(1, positions)
        return float(weight.sum()), _beside(_weighted(per_sample, weight), shape, uses[0].groups)
    if need in WITH_GRADIENTS:
        made, positions = _products(uses, taps)
        # Rows of the gradient hold their sample's weight already.
        parts = np.abs(made / positions) if need is Need.ACTIVATION_TAYLOR else np.square(made) / weight[:, None]
        return float(len(weight)), _rows(parts.mean(axis=0), shape[0], uses[0].heads)
    parts = _MADE[need](uses, taps)
    return float(weight.sum()), _rows(_weighted(parts, weight), shape[0], uses[0].heads)


def _inputs(need: Need, uses: Sequence[Use], taps: Mapping[str, Tap]) -> tuple[Sums, int]:
    """Per sample and feature the sum over positions of x² or |x|, and how many positions those are."""
    seen = [_maps(taps[use.taken.tap].value, use.taken) for use in uses if use.taken is not None]
    measure = np.square if need is Need.INPUT_NORM else np.abs
    sums: Sums = np.sum([measure(x).sum(axis=2, dtype=np.float64) for x in seen], axis=0)
    return sums, sum(x.shape[2] for x in seen)


def _products(uses: Sequence[Use], taps: Mapping[str, Tap]) -> tuple[Sums, int]:
    """Per sample and channel the sum over positions of activation times gradient, and how many positions."""
    sums, positions = [], 0
    for use in uses:
        tap = taps[use.made.tap]
        assert tap.gradient is not None  # asked for
        value, gradient = _maps(tap.value, use.made), _maps(tap.gradient, use.made)
        sums.append(np.multiply(value, gradient, dtype=np.float64).sum(axis=2))
        positions += value.shape[2]
    return np.sum(sums, axis=0), positions


def _mean_activation(uses: Sequence[Use], taps: Mapping[str, Tap]) -> Sums:
    return _over_positions(uses, taps, np.abs)


def _zeros(uses: Sequence[Use], taps: Mapping[str, Tap]) -> Sums:
    return _over_positions(uses, taps, lambda value: value == 0)


def _over_positions(
    uses: Sequence[Use], taps: Mapping[str, Tap], measure: Callable[[Floats], NDArray[np.generic]]
) -> Sums:
    """Per sample and channel the mean over the positions of all places."""
    seen = [_maps(taps[use.made.tap].value, use.made) for use in uses]
    total = np.sum([measure(value).sum(axis=2, dtype=np.float64) for value in seen], axis=0)
    means: Sums = total / max(1, sum(value.shape[2] for value in seen))
    return means


def _ranks(uses: Sequence[Use], taps: Mapping[str, Tap]) -> Sums:
    """Per sample and channel the rank of the feature map, of several places the mean."""
    pictures = [np.moveaxis(taps[use.made.tap].value, use.made.axis + 1, 1) for use in uses]
    ranks: Sums = np.mean([np.linalg.matrix_rank(maps) for maps in pictures], axis=0, dtype=np.float64)
    return ranks


_MADE: Mapping[Need, Callable[[Sequence[Use], Mapping[str, Tap]], Sums]] = {
    Need.ACTIVATION_MEAN: _mean_activation,
    Need.ZERO_SHARE: _zeros,
    Need.RANK: _ranks,
}


def _maps(value: Floats, place: Place) -> Floats:
    """As ``(samples, channels, positions)``."""
    channels = np.moveaxis(value[:, :-1] if place.earlier else value, place.axis + 1, 1)
    return channels.reshape(*channels.shape[:2], -1)


def _weighted(per_sample: Sums, weight: Sums) -> Sums:
    means: Sums = weight @ per_sample / weight.sum()
    return means


def _beside(features: Sums, shape: tuple[int, ...], groups: int) -> Floats:
    """One value per input feature, so that it broadcasts against a Weight of that shape."""
    window = (1,) * (len(shape) - 2)
    if features.size == shape[1]:
        return features.astype(np.float32).reshape(1, -1, *window)
    by_group = features.reshape(groups, shape[1])
    return np.repeat(by_group, shape[0] // groups, axis=0).astype(np.float32).reshape(*shape[:2], *window)


def _rows(channels: Sums, rows: int, heads: int) -> Floats:
    """One value per row: gates share their hidden unit's, rows of a head of other width the head's mean."""
    if heads and rows != channels.size:
        channels = np.repeat(channels.reshape(heads, -1).mean(axis=1), rows // heads)
    return np.tile(channels, rows // channels.size).astype(np.float32)
