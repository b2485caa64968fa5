"""Normalisations across channels that can be differentiated twice.

TensorFlow's moments hold the mean fixed inside of the variance. That leaves the first derivative right, for the
deviations add up to zero, but not the second. If the mean is taken off before, the one that is held fixed is zero, and
all derivatives are those of the formula.
"""

from typing import Any

from core.backends.keras.running import Apply, like
from core.backends.keras.walk import Call


def centred(apply: Apply) -> Apply:
    """The same, with the means taken off what goes into layer and group normalisations."""
    from keras import layers as k

    def twice(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = call.operation
        if isinstance(layer, k.LayerNormalization) and not layer.rms_scaling:
            return apply(call, (_around_zero(args[0], layer.axis), *args[1:]), kwargs)
        if isinstance(layer, k.GroupNormalization):
            return apply(call, (_grouped(layer, args[0]), *args[1:]), kwargs)
        return apply(call, args, kwargs)

    return twice


def _around_zero(x: Any, axes: Any) -> Any:
    import tensorflow as tf

    return like(x - tf.reduce_mean(x, axes, keepdims=True), x)


def _grouped(layer: Any, x: Any) -> Any:
    import tensorflow as tf

    groups = layer._reshape_into_groups(x)
    channel = len(x.shape) - 1 if layer.axis == -1 else layer.axis
    axes = [axis for axis in range(1, len(groups.shape)) if axis != channel]
    return tf.reshape(_around_zero(groups, axes), tf.shape(x))
