"""Layer normalisation over the kept channels only, as the cut network will do it.

Channels that are gone come in as zeros, but they would still count in the mean and the variance. So a network with
masked scales is run call by call, and each layer normalisation is replaced by one that leaves them out.
"""

from collections.abc import Mapping
from typing import Any

from core.backends.keras.walk import Walk, functional


def normalisations(walk: Walk) -> dict[str, Any]:
    """Layers that normalise across one channel axis and have a scale, by path."""
    from keras import layers as k

    found = {}
    for call in walk.calls:
        layer = call.operation
        if isinstance(layer, (k.LayerNormalization, k.RMSNormalization)):
            scale = layer.gamma if isinstance(layer, k.LayerNormalization) else layer.scale
            if scale is not None and len(scale.shape) == 1:
                found[call.path] = layer
    return found


def run(model: Any, x: Any, kept: Mapping[int, Any], training: bool = False) -> Any:
    """The model's output.

    Args:
        model: Functional or sequential.
        x: A batch, or the inputs of a nested model.
        kept: By ``id`` of a layer from :func:`normalisations`: 1 for kept channels, 0 for others.
        training: With dropout, and statistics of the batch.
    """
    from keras import tree
    from keras.src.models.functional import operation_fn

    def chosen(operation: Any) -> Any:
        if id(operation) in kept:
            return lambda x, **_: normalised(operation, x, kept[id(operation)])
        if functional(operation) is not None:
            return lambda *given, **_: run(operation, given, kept, training)
        return operation_fn(operation, training=training)

    inner = functional(model)
    inputs = inner._standardize_inputs(tree.pack_sequence_as(inner._inputs_struct, tree.flatten(x)))
    outputs = tree.flatten(inner._run_through_graph(inputs, operation_fn=chosen))
    return outputs[0] if len(outputs) == 1 else outputs


def normalised(layer: Any, x: Any, kept: Any) -> Any:
    """What ``layer`` makes of ``x`` with only the channels where ``kept`` is 1."""
    import tensorflow as tf
    from keras import layers as k

    axis = layer.axis[0] if isinstance(layer.axis, (list, tuple)) else layer.axis
    shape = [1] * len(x.shape)
    shape[axis] = -1
    kept = tf.reshape(tf.cast(kept, x.dtype), shape)
    count = tf.reduce_sum(kept)
    centred = isinstance(layer, k.LayerNormalization) and not layer.rms_scaling
    mean = tf.reduce_sum(x * kept, axis, keepdims=True) / count if centred else tf.zeros([], x.dtype)
    variance = tf.reduce_sum(tf.square((x - mean) * kept), axis, keepdims=True) / count
    epsilon = layer.epsilon if layer.epsilon is not None else k_epsilon()
    scale = layer.gamma if isinstance(layer, k.LayerNormalization) else layer.scale
    result = (x - mean) * tf.math.rsqrt(variance + epsilon) * kept * tf.reshape(tf.cast(scale, x.dtype), shape)
    if getattr(layer, "beta", None) is not None:
        result += tf.reshape(tf.cast(layer.beta, x.dtype), shape)
    return result


def k_epsilon() -> float:
    """Keras' small number, where a layer has none of its own."""
    import keras

    return float(keras.config.epsilon())
