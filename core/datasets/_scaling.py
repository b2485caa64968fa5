"""Bringing values to the range a network was trained on."""

import numpy as np

from core.datasets._base import Floats, Parts

#: More entries than this along an axis of a person's array are places, not channels.
MOST_CHANNELS = 16


def scaled(parts: Parts, scaling: str) -> Parts:
    """The parts with their values scaled.

    Args:
        parts: Values as registered.
        scaling: ``raw`` leaves them; ``unit`` divides bytes by 255 and brings anything else to 0..1 by the training
            range; ``standard`` gives mean 0 and deviation 1 per feature (tables) or channel (pictures, series).
            Range, mean and deviation are those of the training part.
    """
    if scaling == "raw":
        return parts
    low, span = _unit(parts) if scaling == "unit" else _standard(parts)
    train, validation, test = ((x - low) / span for x in (parts.x_train, parts.x_validation, parts.x_test))
    return parts.with_samples(train, validation, test)


def _unit(parts: Parts) -> tuple[Floats, Floats]:
    x = parts.x_train
    low, high = x.min(), x.max()
    if low >= 0 and 1.5 < high <= 255 and np.array_equal(x, np.rint(x)):
        return _one(0), _one(255)
    return _one(low), _one(high - low or 1)


def _one(value: float) -> Floats:
    return np.asarray(value, dtype=np.float32)


def _standard(parts: Parts) -> tuple[Floats, Floats]:
    x, channel = parts.x_train, _channel_axis(parts)
    axes = tuple(axis for axis in range(x.ndim) if axis != channel)
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float64).astype(np.float32)
    deviation = x.std(axis=axes, keepdims=True, dtype=np.float64).astype(np.float32)
    # A constant feature has nothing to scale by: it becomes 0.
    return mean, np.where(deviation > 0, deviation, np.float32(1))


def _channel_axis(parts: Parts) -> int | None:
    """The axis scaled separately. Registered data has channels first; a person's array may have them last or none."""
    shape = parts.sample_shape
    if not parts.own or len(shape) < 2:
        return 1
    ends = {1: shape[0], len(shape): shape[-1]}
    axis = min(ends, key=lambda end: ends[end])
    return axis if ends[axis] <= MOST_CHANNELS else None
