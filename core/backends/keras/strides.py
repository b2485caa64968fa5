"""Convolutions of one entry that jump: the jump by slicing, the rest as a convolution without one.

TensorFlow's oneDNN (2.21) writes beside its memory when it differentiates a 1 x 1 convolution with a stride of 2 whose
last row and column are left over, for some numbers of channels (8 to 12 on 32 x 32): the process dies. Networks with
residual shortcuts have such convolutions, and cutting gives them such numbers.
"""

from collections.abc import Callable
from typing import Any

from core.backends.keras.views import view


def carried_out(operation: Any, training: bool) -> Callable[..., Any]:
    """The operation as Keras calls it inside a functional model, in training mode or not."""
    from keras.src.models.functional import operation_fn

    if not _jumps(operation):
        called: Callable[..., Any] = operation_fn(operation, training=training)
        return called
    steady = operation_fn(view(operation, strides=(1,) * operation.rank), training=training)
    steps = [slice(None, None, stride) for stride in operation.strides]
    first = operation.data_format == "channels_first"
    places = (slice(None), slice(None), *steps) if first else (slice(None), *steps)
    return lambda x, **given: steady(x[places], **given)


def _jumps(operation: Any) -> bool:
    from keras.src.layers.convolutional.base_conv import BaseConv

    return (
        isinstance(operation, BaseConv)
        and all(size == 1 for size in operation.kernel_size)
        and any(stride > 1 for stride in operation.strides)
    )
