"""Sub-gradients of penalties, added to the loss' gradient before the optimiser takes its step."""

from collections.abc import Callable, Mapping, Sequence
from math import prod, sqrt
from typing import Any

import numpy as np

from core.backends._base import Extras
from core.backends.keras.arrays import Slot
from core.backends.keras.network import Network
from core.errors import BadSetting
from core.penalties import PENALTIES, Penalty

#: From a variable's value to the sub-gradient of its term, both in the variable's own order.
Pull = Callable[[Any], Any]


def pulls(extras: Extras, network: Network) -> dict[int, Pull]:
    """The penalty's sub-gradient, strength included, by place in a set of values; empty without a penalty.

    Raises:
        UnknownName: There is no such penalty.
        BadSetting: The strength is below zero.
    """
    if extras.penalty == "none":
        return {}
    penalty, strength = PENALTIES[extras.penalty], extras.strength
    if not 0 <= strength < float("inf"):
        raise BadSetting(f"The penalty's strength must be at least 0; got {strength}.")
    names = set(penalty.arrays(network.graph))
    slots = [slot for slot in network.slots if slot.name in names]
    return {network.place(slot.variable): _scaled(_pull(penalty, slot), strength) for slot in slots}


def _scaled(pull: Pull, strength: float) -> Pull:
    return lambda value: strength * pull(value)


def _pull(penalty: Penalty, slot: Slot) -> Pull:
    import tensorflow as tf

    known: Mapping[str, Callable[[], Pull]] = {
        "l1": lambda: tf.sign,
        "l2": lambda: lambda value: 2 * value,
        "group_lasso": lambda: _group_lasso(slot),
        "bn_scale": lambda: tf.sign,
    }
    return known.get(penalty.name, lambda: _as_numpy_says(penalty, slot))()


def _group_lasso(slot: Slot) -> Pull:
    import tensorflow as tf

    axes = inside_rows(slot)
    root = sqrt(prod(slot.variable.shape[axis] for axis in axes))

    def pull(value: Any) -> Any:
        norms = tf.sqrt(tf.reduce_sum(tf.square(value), axes, keepdims=True))
        return root * tf.math.divide_no_nan(value, norms)

    return pull


def inside_rows(slot: Slot) -> Sequence[int]:
    """The axes of a kernel's variable along which one output row lies."""
    shape = slot.canonical(np.broadcast_to(np.int8(0), tuple(slot.variable.shape))).shape
    numbers = np.arange(shape[0]).reshape(-1, *(1 for _ in shape[1:]))
    turned = slot.write(np.ascontiguousarray(np.broadcast_to(numbers, shape)))
    return [axis for axis in range(turned.ndim) if (turned == turned.take([0], axis)).all()]


def _as_numpy_says(penalty: Penalty, slot: Slot) -> Pull:
    """For a penalty that TensorFlow has no formula of."""
    import tensorflow as tf

    def pull(value: Any) -> Any:
        found = tf.numpy_function(
            lambda array: np.ascontiguousarray(slot.write(penalty.gradient(slot.canonical(array))), array.dtype),
            [value],
            value.dtype,
        )
        return tf.ensure_shape(found, value.shape)

    return pull
