"""Layer and group normalisation over the kept channels only, as the cut network will do it.

Channels that are gone come in as zeros, but they would still count in the mean and the variance. So a network with
masked scales is run call by call, and each such normalisation is replaced by one that leaves them out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.backends.keras.strides import carried_out
from core.backends.keras.walk import Walk, functional


def normalisations(walk: Walk) -> dict[str, Any]:
    """Layers that normalise across one channel axis and have a scale, by path."""
    from keras import layers as k

    found = {}
    for call in walk.calls:
        layer = call.operation
        if isinstance(layer, (k.LayerNormalization, k.RMSNormalization, k.GroupNormalization)):
            scale = scale_of(layer)
            if scale is not None and len(scale.shape) == 1:
                found[call.path] = layer
    return found


def scale_of(layer: Any) -> Any:
    """The variable that scales what a normalisation gives, None for none."""
    from keras import layers as k

    return layer.scale if isinstance(layer, k.RMSNormalization) else layer.gamma


def run(model: Any, x: Any, kept: Mapping[int, Any], training: bool = False) -> Any:
    """The model's output.

    Args:
        model: Functional or sequential.
        x: A batch, or the inputs of a nested model.
        kept: By ``id`` of a layer from :func:`normalisations`: 1 for kept channels, 0 for others.
        training: With dropout, and statistics of the batch.
    """
    from keras import tree

    def chosen(operation: Any) -> Any:
        if id(operation) in kept:
            return lambda x, **_: normalised(operation, x, kept[id(operation)])
        if functional(operation) is not None:
            return lambda *given, **_: run(operation, given, kept, training)
        return carried_out(operation, training)

    inner = functional(model)
    inputs = inner._standardize_inputs(tree.pack_sequence_as(inner._inputs_struct, tree.flatten(x)))
    outputs = tree.flatten(inner._run_through_graph(inputs, operation_fn=chosen))
    return outputs[0] if len(outputs) == 1 else outputs


def normalised(layer: Any, x: Any, kept: Any) -> Any:
    """What ``layer`` makes of ``x`` with only the channels where ``kept`` is 1."""
    import tensorflow as tf
    from keras import layers as k

    axis = layer.axis[0] if isinstance(layer.axis, (list, tuple)) else layer.axis
    axis %= len(x.shape)
    kept = _along(tf.cast(kept, x.dtype), axis, x)
    if isinstance(layer, k.GroupNormalization):
        result = _grouped(layer, x, kept, axis)
    else:
        centred = isinstance(layer, k.LayerNormalization) and not layer.rms_scaling
        epsilon = layer.epsilon if layer.epsilon is not None else k_epsilon()
        result = _standardised(x, kept, [axis], epsilon, centred)
    result *= _along(tf.cast(scale_of(layer), x.dtype), axis, x)
    if getattr(layer, "beta", None) is not None:
        result += _along(tf.cast(layer.beta, x.dtype), axis, x)
    return result


def _along(values: Any, axis: int, x: Any) -> Any:
    """One number a channel, shaped so that it spreads over ``x``."""
    import tensorflow as tf

    return tf.reshape(values, [-1 if i == axis else 1 for i in range(len(x.shape))])


def _standardised(x: Any, kept: Any, axes: Sequence[int], epsilon: float, centred: bool = True) -> Any:
    """Mean 0 and variance 1 over the kept entries along ``axes``; zeros elsewhere."""
    import tensorflow as tf

    # Every axis counts in full but the one that has channels left out.
    count = tf.reduce_sum(kept * tf.ones_like(x[:1]), axes, keepdims=True)
    count = tf.maximum(count, 1)
    mean = tf.reduce_sum(x * kept, axes, keepdims=True) / count if centred else tf.zeros([], x.dtype)
    variance = tf.reduce_sum(tf.square((x - mean) * kept), axes, keepdims=True) / count
    return (x - mean) * tf.math.rsqrt(variance + epsilon) * kept


def _grouped(layer: Any, x: Any, kept: Any, axis: int) -> Any:
    """Each group of channels standardised over its kept ones and all places (Wu & He 2018, arXiv:1803.08494)."""
    import tensorflow as tf

    shape = tf.shape(x)

    def split(sizes: Any) -> Any:
        return tf.concat([sizes[:axis], [layer.groups, sizes[axis] // layer.groups], sizes[axis + 1 :]], 0)

    axes = [i for i in range(1, len(x.shape) + 1) if i != axis]
    grouped = tf.reshape(x, split(shape))
    result = _standardised(grouped, tf.reshape(kept, split(tf.shape(kept))), axes, layer.epsilon)
    return tf.reshape(result, shape)


def k_epsilon() -> float:
    """Keras' small number, where a layer has none of its own."""
    import keras

    return float(keras.config.epsilon())
