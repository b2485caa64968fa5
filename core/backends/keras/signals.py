"""Loss and accuracy for each kind of output, as TensorFlow computes them inside a compiled function."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadSetting

#: Probabilities are kept this far from 0 and 1 before a logarithm.
CLIP = 1e-7
_ONE_UNIT = ("sigmoid", "sigmoid_logit")
_CLASSES = ("logits", "probabilities", "log_probabilities")
#: Operations that leave the values of a tensor as they are.
_PASSING = ("Reshape", "Identity", "Cast", "Squeeze")


def losses(output: str, raw: Any, targets: Any, temperature: Any = None, dtype: str = "float32") -> Any:
    """Each sample's loss: cross-entropy, or of a regression the mean squared error over its values.

    Probabilities that come straight out of a softmax or a sigmoid are taken back to its input, which is stable;
    others are clipped at ``CLIP``.

    Args:
        output: One of ``core.plan.OUTPUTS``.
        raw: The network's output, first axis the samples.
        targets: Integers ``(samples,)``; for a regression numbers, as many a sample as the output has.
        temperature: Divides the logits; None for 1. A regression has none.
        dtype: What the loss is computed in.

    Returns:
        A vector over the samples.
    """
    import tensorflow as tf

    if output == "regression":
        difference = _flat(tf.cast(raw, dtype)) - _flat(tf.cast(targets, dtype))
        return tf.reduce_mean(tf.square(difference), axis=1)
    scores = tf.cast(logits(output, raw), dtype)
    if temperature is not None:
        scores /= tf.cast(temperature, dtype)
    if output in _ONE_UNIT:
        return tf.nn.softplus(scores) - scores * tf.cast(targets, dtype)
    if temperature is None and output != "logits" and _softmax_input(raw) is None:
        return -tf.gather(scores, targets, batch_dims=1)  # logarithms of probabilities already
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, scores)


def logits(output: str, raw: Any) -> Any:
    """What goes into the softmax ``(samples, classes)`` or sigmoid ``(samples,)``, up to a constant.

    Raises:
        BadSetting: This kind of output has none.
    """
    import tensorflow as tf

    if output in _ONE_UNIT:
        flat = tf.reshape(raw, (-1,))
        if output == "sigmoid_logit":
            return flat
        origin = _origin(raw, "Sigmoid")
        clipped = tf.clip_by_value(flat, CLIP, 1 - CLIP)
        return tf.math.log(clipped) - tf.math.log1p(-clipped) if origin is None else tf.reshape(origin, (-1,))
    if output not in _CLASSES:
        raise BadSetting(f'Output "{output}" has no logits. Choose one of: {", ".join(_CLASSES + _ONE_UNIT)}.')
    flat = _flat(raw)
    if output != "probabilities":
        return flat
    origin = _softmax_input(raw)
    return tf.math.log(tf.maximum(flat, CLIP)) if origin is None else origin


def hits(output: str, raw: Any, targets: Any) -> Any:
    """One for every sample whose label was predicted, zero for others; of a regression each sample's squared error."""
    import tensorflow as tf

    if output == "regression":
        return tf.reduce_sum(tf.square(_flat(raw) - _flat(targets)), axis=1)
    if output in _ONE_UNIT:
        predicted = tf.cast(tf.reshape(raw, (-1,)) > (0.5 if output == "sigmoid" else 0.0), targets.dtype)
    else:
        predicted = tf.argmax(_flat(raw), axis=-1, output_type=targets.dtype)
    return tf.cast(predicted == targets, tf.float32)


def share(output: str, total: float, targets: NDArray[Any]) -> float:
    """The accuracy that :func:`hits`, summed over all samples, come to; of a regression R².

    R² = 1 - sum of squared errors / sum of squares around each value's own mean; 0 where the targets do not vary.
    """
    if output != "regression":
        return total / len(targets)
    around = float(np.square(targets - targets.mean(0, dtype=np.float64)).sum())
    return 1 - total / around if around else 0.0


def _flat(raw: Any) -> Any:
    """``(samples, …)`` as ``(samples, values)``."""
    import tensorflow as tf

    if len(raw.shape) == 2:
        return raw
    values = raw.shape[1:].num_elements()
    return tf.reshape(raw, (-1, values if values is not None else tf.size(raw[0])))


def _softmax_input(raw: Any) -> Any:
    origin = _origin(raw, "Softmax")
    if origin is None or origin.shape[-1] != _flat(raw).shape[-1]:
        return None  # several distributions side by side are not one
    return _flat(origin)


def _origin(raw: Any, kind: str) -> Any:
    """What went into the softmax or sigmoid that ``raw`` came straight out of; None where it did not."""
    operation = raw.op
    while operation.type in _PASSING:
        operation = operation.inputs[0].op
    return operation.inputs[0] if operation.type == kind else None
