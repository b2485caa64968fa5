"""A layer built anew with the sizes that its cut arrays have: one small function for each kind of layer."""

import copy
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from core.backends.keras.nodes import shape
from core.backends.keras.walk import Call
from core.errors import BadModel

#: Canonical shape of every array after the cut.
Sizes = Mapping[str, tuple[int, ...]]
Config = dict[str, Any]
Shape = tuple[int, ...]


def resized(call: Call, before: Call, sizes: Sizes) -> Any:
    """A new layer or operation for ``call``, whose inputs already have their new shapes.

    Args:
        call: The call to be made; its path becomes the layer's name.
        before: The same call of the uncut network.
        sizes: Shapes that the arrays shall have.

    Raises:
        BadModel: This kind of layer cannot take the shapes.
    """
    operation = call.operation
    config = copy.deepcopy(operation.get_config())
    config["name"] = call.path
    _resize(operation, config, call, before, sizes, call.path)
    return type(operation).from_config(config)


def _resize(operation: Any, config: Config, call: Call, before: Call, sizes: Sizes, path: str) -> None:
    from keras import Layer
    from keras import layers as k

    if isinstance(operation, k.TimeDistributed):
        _resize(operation.layer, config["layer"]["config"], call, before, sizes, path)
    elif isinstance(operation, k.Bidirectional):
        _resize(operation.forward_layer, config["layer"]["config"], call, before, sizes, f"{path}.forward")
        if "backward_layer" in config:
            backward = config["backward_layer"]["config"]
            _resize(operation.backward_layer, backward, call, before, sizes, f"{path}.backward")
    elif isinstance(operation, k.Reshape):
        config["target_shape"] = _mended(call, before)
    elif not isinstance(operation, Layer) and type(operation).__name__ == "Reshape":
        config["newshape"] = (operation.newshape[0], *_mended(call, before))
    else:
        for classes, function in _table():
            if isinstance(operation, classes):
                function(config, Shapes(call, sizes, path))


class Shapes:
    """What one layer is told about its new sizes."""

    def __init__(self, call: Call, sizes: Sizes, path: str) -> None:
        self._sizes, self._path = sizes, path
        self.inputs = tuple(shape(x) for x in call.inputs)
        self.layer = call.operation

    def size(self, role: str, axis: int) -> int:
        """Length of one axis of one of the layer's arrays."""
        return self._sizes[f"{self._path}.{role}"][axis]

    @property
    def channels(self) -> int:
        """Channels that come in."""
        first = getattr(self.layer, "data_format", "channels_last") == "channels_first"
        return self.inputs[0][0 if first else -1]


def _table() -> list[tuple[tuple[type, ...], Callable[[Config, Shapes], None]]]:
    from keras import layers as k
    from keras.src.layers.convolutional.base_conv import BaseConv
    from keras.src.layers.convolutional.base_conv_transpose import BaseConvTranspose
    from keras.src.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv
    from keras.src.layers.convolutional.base_separable_conv import BaseSeparableConv

    return [
        ((k.Dense,), _dense),
        ((BaseConv,), _conv),
        ((BaseConvTranspose,), _conv_transpose),
        ((BaseDepthwiseConv,), _depthwise_conv),
        ((BaseSeparableConv,), _separable_conv),
        ((k.Embedding,), _embedding),
        ((k.GRU, k.LSTM), _recurrent),
        ((k.MultiHeadAttention,), _attention),
    ]


def _dense(config: Config, shapes: Shapes) -> None:
    config["units"] = shapes.size("kernel", 0)


def _conv(config: Config, shapes: Shapes) -> None:
    config["filters"] = shapes.size("kernel", 0)
    config["groups"] = shapes.channels // shapes.size("kernel", 1)


def _conv_transpose(config: Config, shapes: Shapes) -> None:
    config["filters"] = shapes.size("kernel", 0)


def _depthwise_conv(config: Config, shapes: Shapes) -> None:
    config["depth_multiplier"] = shapes.size("depthwise", 0) // shapes.channels


def _separable_conv(config: Config, shapes: Shapes) -> None:
    config["filters"] = shapes.size("pointwise", 0)
    _depthwise_conv(config, shapes)


def _embedding(config: Config, shapes: Shapes) -> None:
    config["input_dim"], config["output_dim"] = shapes.size("embedding", 0), shapes.size("embedding", 1)


def _recurrent(config: Config, shapes: Shapes) -> None:
    config["units"] = shapes.size("recurrent", 1)


def _attention(config: Config, shapes: Shapes) -> None:
    config["num_heads"] = shapes.size("query", 0) // config["key_dim"]
    if config.get("output_shape") is not None or shapes.size("out", 0) != shapes.inputs[0][-1]:
        config["output_shape"] = (shapes.size("out", 0),)


def _mended(call: Call, before: Call) -> Shape:
    return mended(shape(before.inputs[0]), shape(before.outputs[0]), shape(call.inputs[0]))


def mended(before: Shape, after: Shape, now: Shape) -> Shape:
    """Where ``before`` was reshaped to ``after``, the shape that ``now`` must take.

    Axes are matched in row-major order into blocks of equal size. In each block the axes that shrank give their
    factor to the one axis on the other side that can take it.

    Raises:
        BadModel: No axis, or more than one, can take it.
    """
    result: list[int] = []
    for old_axes, new_axes in _blocks(before, after):
        old, size = prod(before[i] for i in old_axes), prod(now[i] for i in old_axes)
        block = [after[i] for i in new_axes]
        if old != size:
            possible = [i for i, n in enumerate(block) if n > 1 and (n * size) % old == 0]
            if len(possible) != 1:
                raise BadModel(f"A reshape from {before} to {after} cannot be mended for {now}; leave these channels.")
            block[possible[0]] = block[possible[0]] * size // old
        result += block
    return tuple(result)


def _blocks(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """Runs of axes with equal products, in order; axes of length one go with their neighbours."""
    blocks: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        left, right = ([i], [j])
        a, b = (before[i] if i < len(before) else 1), (after[j] if j < len(after) else 1)
        i, j = i + 1, j + 1
        while a != b:
            if a < b and i < len(before):
                left.append(i)
                a, i = a * before[i], i + 1
            elif j < len(after):
                right.append(j)
                b, j = b * after[j], j + 1
            else:
                raise BadModel(f"A reshape from {before} to {after} cannot be followed.")
        blocks.append(([x for x in left if x < len(before)], [x for x in right if x < len(after)]))
    return blocks
