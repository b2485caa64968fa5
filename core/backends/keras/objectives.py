"""What training makes small: the labels' loss, alone or with weights of classes and a teacher."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.backends._base import Extras, Floats
from core.backends.keras.signals import logits, losses
from core.errors import BadSetting, WrongLabels

#: From a batch's outputs, its targets and, where there is one, its teacher's outputs to each sample's loss.
Objective = Callable[..., Any]


def objective(extras: Extras, output: str, classes: int) -> Objective:
    """The loss sample by sample; factors of classes weigh the labels' loss only.

    Raises:
        BadSetting: The classes' weights do not fit, or the teacher's settings are out of range.
        WrongLabels: Classes are weighed and there are none.
    """
    factors = None if extras.class_weights is None else _factors(extras.class_weights, output, classes)

    def own(raw: Any, y: Any) -> Any:
        import tensorflow as tf

        each = losses(output, raw, y)
        return each if factors is None else each * tf.gather(factors, y)

    if extras.teacher is None:
        return own
    _check_softness(extras)
    share, temperature = extras.teacher_weight, extras.temperature

    def distilled(raw: Any, y: Any, teacher: Any) -> Any:
        return (1 - share) * own(raw, y) + share * distance(output, raw, teacher, temperature)

    return distilled


def distance(output: str, raw: Any, teacher: Any, temperature: float) -> Any:
    """Sample by sample T² KL(teacher || student), both softened (Hinton et al. 2015, arXiv:1503.02531, section 2).

    Of a regression the mean squared distance over its values.
    """
    import tensorflow as tf

    if output == "regression":
        return losses(output, raw, teacher)
    own, wanted = (_logarithms(output, each, temperature) for each in (raw, teacher))
    return temperature**2 * tf.reduce_sum(tf.exp(wanted) * (wanted - own), axis=1)


def _logarithms(output: str, raw: Any, temperature: float) -> Any:
    """Log probabilities of the classes, softened; one sigmoid unit tells two."""
    import tensorflow as tf

    found = logits(output, raw) / temperature
    if output in ("sigmoid", "sigmoid_logit"):
        return tf.stack([tf.math.log_sigmoid(-found), tf.math.log_sigmoid(found)], axis=1)
    return tf.nn.log_softmax(found)


def _factors(weights: Floats, output: str, classes: int) -> Floats:
    if output == "regression":
        raise WrongLabels("A regression has no classes that could be weighed.")
    given = np.array(weights, np.float32)
    if given.shape != (classes,) or not np.isfinite(given).all() or (given < 0).any():
        raise BadSetting(f"Class weights must be {classes} numbers of at least 0; got {given.shape}.")
    return given


def _check_softness(extras: Extras) -> None:
    if not extras.temperature > 0 or not 0 <= extras.teacher_weight <= 1:
        raise BadSetting(
            "Distillation takes a temperature above 0 and a teacher's weight of 0 to 1; "
            f"got {extras.temperature} and {extras.teacher_weight}."
        )


def teaching(extras: Extras, samples: int, shape: tuple[int | None, ...]) -> tuple[Floats, ...]:
    """The teacher's outputs for so many samples of that shape; none where nobody teaches.

    Raises:
        BadSetting: They do not fit, or are NaN or infinite.
    """
    if extras.teacher is None:
        return ()
    given = np.asarray(extras.teacher, np.float32)
    fits = given.ndim == len(shape) + 1 and all(n in (None, m) for n, m in zip(shape, given.shape[1:], strict=True))
    if not fits or len(given) != samples:
        raise BadSetting(
            f"The teacher's outputs have shape {given.shape}; {samples} samples of shape {shape} are trained on."
        )
    if not np.isfinite(given).all():
        raise BadSetting("The teacher's outputs are NaN or infinite: the dense network cannot teach.")
    return (given,)
