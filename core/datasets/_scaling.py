"""Bringing values to the range a network was trained on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets._base import Floats, Parts
from core.inputs import Inputs, arrays_of, with_arrays

Array = NDArray[Any]
Change = Callable[[Array], Array]

#: More entries than this along an axis of a person's array are places, not channels.
MOST_CHANNELS = 16


def scaled(parts: Parts, scaling: str) -> Parts:
    """The parts with their values scaled. Targets are left as they are.

    Args:
        parts: Values as registered.
        scaling: ``raw`` leaves them; ``unit`` divides bytes by 255 and brings anything else to 0..1 by the training
            range; ``standard`` gives mean 0 and deviation 1 per feature (tables) or channel (pictures, series).
            Range, mean and deviation are those of the training part. A person's integers are left for
            :func:`core.datasets.fitted`: they may be tokens.
    """
    if scaling == "raw":
        return parts
    changes = [_change(x, scaling, parts.own) for x in arrays_of(parts.x_train)]
    return replace(changed(parts, changes), scaling=scaling)


def changed(parts: Parts, changes: Sequence[Change], *warnings: str) -> Parts:
    """The parts with one change made to each input."""

    def made(part: str) -> Inputs:
        x = parts.split(part)[0]
        return with_arrays(x, [change(a) for change, a in zip(changes, arrays_of(x), strict=True)])

    return parts.with_samples(made("train"), made("validation"), made("test"), *warnings)


def unchanged(x: Array) -> Array:
    """The values as they are."""
    return x


def scale(train: Array, scaling: str, own: bool) -> Change:
    """How values are brought to the range of the training part; see :func:`scaled`."""
    if scaling == "raw":
        return unchanged
    low, span = _unit(train) if scaling == "unit" else _standard(train, own)
    return lambda x: (x - low) / span


def _change(train: Array, scaling: str, own: bool) -> Change:
    return scale(train, "raw" if train.dtype.kind in "iu" else scaling, own)


def _unit(x: Array) -> tuple[Floats, Floats]:
    low, high = x.min(), x.max()
    if low >= 0 and 1.5 < high <= 255 and np.array_equal(x, np.rint(x)):
        return _one(0), _one(255)
    return _one(low), _one(high - low or 1)


def _one(value: float) -> Floats:
    return np.asarray(value, dtype=np.float32)


def _standard(x: Array, own: bool) -> tuple[Floats, Floats]:
    channel = _channel_axis(x.shape[1:], own)
    axes = tuple(axis for axis in range(x.ndim) if axis != channel)
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float64).astype(np.float32)
    deviation = x.std(axis=axes, keepdims=True, dtype=np.float64).astype(np.float32)
    # A constant feature has nothing to scale by: it becomes 0.
    return mean, np.where(deviation > 0, deviation, np.float32(1))


def _channel_axis(shape: tuple[int, ...], own: bool) -> int | None:
    """The axis scaled separately. Registered data has channels first; a person's array may have them last or none."""
    if not own or len(shape) < 2:
        return 1
    ends = {1: shape[0], len(shape): shape[-1]}
    axis = min(ends, key=lambda end: ends[end])
    return axis if ends[axis] <= MOST_CHANNELS else None
