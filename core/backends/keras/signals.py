"""Loss and accuracy for each kind of output, as TensorFlow computes them inside a compiled function."""

from typing import Any

from core.errors import BadSetting

#: Probabilities are kept this far from 0 and 1 before a logarithm.
CLIP = 1e-7


def loss_and_correct(output: str, raw: Any, labels: Any) -> tuple[Any, Any]:
    """Each sample's cross-entropy, and whether its label was predicted.

    Probabilities that come straight out of a softmax or a sigmoid are taken back to its input, which is stable;
    others are clipped at ``CLIP``.

    Args:
        output: One of ``core.plan.OUTPUTS``.
        raw: The network's output, ``(samples, classes)`` or ``(samples, 1)``.
        labels: Integers, ``(samples,)``.

    Returns:
        Two vectors over the samples: float32 losses, float32 zeros and ones.
    """
    import keras
    import tensorflow as tf

    if output in ("sigmoid", "sigmoid_logit"):
        target = tf.cast(labels[:, None], raw.dtype)
        loss = keras.ops.binary_crossentropy(target, raw, from_logits=output == "sigmoid_logit")[:, 0]
        predicted = tf.cast(raw[:, 0] > (0.5 if output == "sigmoid" else 0.0), labels.dtype)
    elif output in ("logits", "probabilities"):
        loss = keras.ops.sparse_categorical_crossentropy(labels, raw, from_logits=output == "logits")
        predicted = tf.argmax(raw, axis=-1, output_type=labels.dtype)
    elif output == "log_probabilities":
        loss = -tf.gather(raw, labels, batch_dims=1)
        predicted = tf.argmax(raw, axis=-1, output_type=labels.dtype)
    else:
        raise BadSetting(f'Output "{output}" is not known.')
    return tf.cast(loss, tf.float32), tf.cast(predicted == labels, tf.float32)


def precise(output: str, raw: Any) -> Any:
    """Raw outputs in double precision: p - 1 of a sure prediction has few digits left in single.

    Probabilities stay as they are: the loss looks for the softmax or sigmoid that they come from, and a conversion
    would hide it.
    """
    import tensorflow as tf

    return raw if output in ("probabilities", "sigmoid") else tf.cast(raw, tf.float64)
