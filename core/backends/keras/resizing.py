"""A layer built anew with the sizes that its cut arrays have: one small function for each kind of layer."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Cuts
from core.backends.keras.nodes import shape
from core.backends.keras.walk import NOMINAL, Call
from core.errors import BadModel

#: Canonical shape of every array after the cut.
Sizes = Mapping[str, tuple[int, ...]]
Config = dict[str, Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Change:
    """What becomes of the arrays: their shapes before and after, and the indices that stay along cut axes.

    ``runs`` are calls that take channels apart into runs to deal them out anew: the runs become shorter.
    """

    before: Sizes
    after: Sizes
    cuts: Cuts
    runs: frozenset[str] = frozenset()

    def stays(self, name: str, axis: int) -> NDArray[np.int64]:
        """The kept indices of one axis, all of them where nothing is cut."""
        return self.cuts.get((name, axis), np.arange(self.before[name][axis]))


def resized(call: Call, before: Call, change: Change) -> Any:
    """A new layer or operation for ``call``, whose inputs already have their new shapes.

    Args:
        call: The call to be made; its path becomes the layer's name.
        before: The same call of the uncut network.
        change: What its arrays become.

    Raises:
        BadModel: This kind of layer cannot take the shapes.
    """
    operation = call.operation
    config = copy.deepcopy(operation.get_config())
    config["name"] = call.path
    _resize(operation, config, call, before, change, call.path)
    return type(operation).from_config(config)


def _resize(operation: Any, config: Config, call: Call, before: Call, change: Change, path: str) -> None:
    from keras import Layer
    from keras import layers as k

    if isinstance(operation, k.TimeDistributed):
        _resize(operation.layer, _inner(config, "layer"), call, before, change, path)
    elif isinstance(operation, k.Bidirectional):
        for layer, key, side in (
            (operation.forward_layer, "layer", "forward"),
            (operation.backward_layer, "backward_layer", "backward"),
        ):
            _resize(layer, _inner(config, key), call, before, change, f"{path}.{side}")
    elif isinstance(operation, k.Reshape):
        config["target_shape"] = _mended(call, before, operation.target_shape, change)
    elif not isinstance(operation, Layer) and type(operation).__name__ == "Reshape":
        config["newshape"] = (operation.newshape[0], *_mended(call, before, operation.newshape[1:], change))
    else:
        for classes, function in _table():
            if isinstance(operation, classes):
                function(config, Sizing(operation, call, before, change, path))


def _inner(config: Config, key: str) -> Config:
    """The configuration of a wrapped layer, which is not to be built for the shapes it had."""
    config[key].pop("build_config", None)
    inner: Config = config[key]["config"]
    return inner


@dataclass(frozen=True)
class Sizing:
    """What one layer is told about its new sizes."""

    layer: Any
    call: Call
    before: Call
    change: Change
    path: str

    def size(self, role: str, axis: int) -> int:
        """Length of one axis of one of the layer's arrays."""
        return self.change.after[f"{self.path}.{role}"][axis]

    @property
    def channels(self) -> int:
        """Channels that come in."""
        first = getattr(self.layer, "data_format", "channels_last") == "channels_first"
        return int(self.call.inputs[0].shape[1 if first else -1])

    def runs(self, role: str, axis: int, count: int) -> int:
        """How many of ``count`` equal runs of an axis have any index left.

        Raises:
            BadModel: What is left of them differs in length.
        """
        name = f"{self.path}.{role}"
        stays = self.change.stays(name, axis)
        _, lengths = np.unique(stays // (self.change.before[name][axis] // count), return_counts=True)
        if len(set(lengths.tolist())) > 1:
            raise BadModel(f'The groups or heads of "{self.path}" would be left with different sizes; cut them alike.')
        return len(lengths)


def _table() -> list[tuple[tuple[type, ...], Callable[[Config, Sizing], None]]]:
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
        ((k.GroupNormalization,), _group_norm),
        ((k.Embedding,), _embedding),
        ((k.GRU, k.LSTM), _recurrent),
        ((k.MultiHeadAttention,), _attention),
        ((k.Dropout, k.AlphaDropout), _dropout),
    ]


def _dense(config: Config, sizing: Sizing) -> None:
    config["units"] = sizing.size("kernel", 0)


def _conv(config: Config, sizing: Sizing) -> None:
    config["filters"] = sizing.size("kernel", 0)
    config["groups"] = sizing.runs("kernel", 0, config["groups"])


def _conv_transpose(config: Config, sizing: Sizing) -> None:
    config["filters"] = sizing.size("kernel", 0)


def _depthwise_conv(config: Config, sizing: Sizing) -> None:
    config["depth_multiplier"] = sizing.size("depthwise", 0) // sizing.channels


def _separable_conv(config: Config, sizing: Sizing) -> None:
    config["filters"] = sizing.size("pointwise", 0)
    _depthwise_conv(config, sizing)


def _group_norm(config: Config, sizing: Sizing) -> None:
    """Whole groups may go, or as many channels of each."""
    own = [role for role in ("scale", "shift") if f"{sizing.path}.{role}" in sizing.change.before]
    if own:
        config["groups"] = sizing.runs(own[0], 0, config["groups"])
    elif config["groups"] == sizing.before.inputs[0].shape[config["axis"]]:
        config["groups"] = sizing.call.inputs[0].shape[config["axis"]]


def _embedding(config: Config, sizing: Sizing) -> None:
    config["input_dim"], config["output_dim"] = sizing.size("embedding", 0), sizing.size("embedding", 1)


def _recurrent(config: Config, sizing: Sizing) -> None:
    config["units"] = sizing.size("recurrent", 1)


def _attention(config: Config, sizing: Sizing) -> None:
    """Fewer heads; their width stays, for the attention is divided by its root."""
    heads = sizing.runs("query", 0, config["num_heads"])
    if sizing.size("query", 0) != heads * config["key_dim"]:
        raise BadModel(f'Heads of "{sizing.path}" can only be cut as a whole: their width scales the attention.')
    config["num_heads"] = heads
    config["value_dim"] = sizing.size("value", 0) // heads
    if config.get("output_shape") is not None or sizing.size("out", 0) != sizing.channels:
        config["output_shape"] = (sizing.size("out", 0),)


def _dropout(config: Config, sizing: Sizing) -> None:
    """What is dropped together may be written out size by size."""
    if config.get("noise_shape") is not None:
        now = sizing.call.inputs[0].shape
        sizes = zip(config["noise_shape"], sizing.before.inputs[0].shape, now, strict=True)
        config["noise_shape"] = tuple(new if given == old != 1 else given for given, old, new in sizes)


def _mended(call: Call, before: Call, target: Shape, change: Change) -> Shape:
    """The target shape, -1 where it was -1: that axis is whatever is left."""
    now = tuple(NOMINAL if n is None else int(n) for n in call.inputs[0].shape[1:])
    apart = before.name in change.runs and now != shape(before.inputs[0])
    found = (shortened if apart else mended)(shape(before.inputs[0]), shape(before.outputs[0]), now)
    return tuple(-1 if wanted == -1 else n for wanted, n in zip(target, found, strict=True))


def shortened(before: Shape, after: Shape, now: Shape) -> Shape:
    """Where one axis of ``before`` was taken apart into runs, the shape that ``now`` takes: as many, shorter ones."""
    axis = next(axis for axis, size in enumerate(before) if after[axis] != size)
    return (*now[:axis], after[axis], now[axis] // after[axis], *now[axis + 1 :])


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
