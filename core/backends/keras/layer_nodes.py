"""Keras layers as nodes: one small function for each kind of layer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.backends.keras.arrays import plain_attention
from core.backends.keras.nodes import POINTWISE, Emitter, activation_name, axis_of, shape
from core.backends.keras.recurrent_nodes import bidirectional, recurrent
from core.backends.keras.walk import Call
from core.graph import Op

Emit = Callable[[Emitter, Call], None]


def classes(layer: Any, path: str) -> dict[str, str]:
    """What Keras calls the layer at ``path``, wrapped ones under their own paths."""
    from keras import layers as k

    if isinstance(layer, k.Bidirectional):
        name = type(layer.forward_layer).__name__
        return {f"{path}.forward": name, f"{path}.backward": name}
    if isinstance(layer, k.TimeDistributed):
        return classes(layer.layer, path)
    return {path: type(layer).__name__}


def emit(emitter: Emitter, call: Call) -> None:
    """Add the nodes of one layer's call."""
    for kinds, function in _table():
        if isinstance(call.operation, kinds):
            function(emitter, call)
            return
    emitter.opaque(call, type(call.operation).__name__, layer=bool(call.operation.weights))


def _table() -> list[tuple[tuple[type, ...], Emit]]:
    from keras import layers as k
    from keras.src.layers.convolutional.base_conv import BaseConv
    from keras.src.layers.convolutional.base_conv_transpose import BaseConvTranspose
    from keras.src.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv
    from keras.src.layers.convolutional.base_separable_conv import BaseSeparableConv
    from keras.src.layers.merging.base_merge import Merge
    from keras.src.layers.pooling.base_adaptive_pooling import BaseAdaptivePooling
    from keras.src.layers.pooling.base_global_pooling import BaseGlobalPooling
    from keras.src.layers.pooling.base_pooling import BasePooling

    return [
        ((k.Dense,), _linear),
        ((BaseConv,), _conv),
        ((BaseConvTranspose,), _conv_transpose),
        ((BaseDepthwiseConv,), _depthwise_conv),
        ((BaseSeparableConv,), _separable_conv),
        ((k.BatchNormalization,), _batch_norm),
        ((k.LayerNormalization, k.RMSNormalization), _layer_norm),
        ((k.GroupNormalization,), _group_norm),
        ((k.Embedding,), lambda e, c: _one(e, c, Op.EMBEDDING)),
        ((k.GRU, k.LSTM), recurrent),
        ((k.Bidirectional,), bidirectional),
        ((k.TimeDistributed,), _time_distributed),
        ((k.MultiHeadAttention,), _attention),
        ((k.Concatenate,), _concatenate),
        ((k.Dot,), lambda e, c: _plain(e, c, Op.MATMUL)),
        ((k.Multiply,), lambda e, c: _plain(e, c, Op.MULTIPLY)),
        ((Merge,), lambda e, c: _plain(e, c, Op.ADD)),
        ((k.Flatten,), _flattened),
        ((k.Reshape,), lambda e, c: _plain(e, c, Op.RESHAPE, inner=True)),
        ((k.Permute,), lambda e, c: _plain(e, c, Op.PERMUTE, axes=tuple(i - 1 for i in c.operation.dims))),
        ((BasePooling, BaseAdaptivePooling), lambda e, c: _windowed(e, c, Op.POOL)),
        ((k.Resizing, k.CenterCrop), lambda e, c: _windowed(e, c, Op.POOL)),
        ((k.RepeatVector,), _repeated),
        ((k.Rescaling,), _rescaled),
        ((k.UpSampling1D, k.UpSampling2D, k.UpSampling3D), lambda e, c: _windowed(e, c, Op.POOL)),
        ((BaseGlobalPooling,), _global_pool),
        ((k.ZeroPadding1D, k.ZeroPadding2D, k.ZeroPadding3D), lambda e, c: _windowed(e, c, Op.PAD)),
        ((k.Cropping1D, k.Cropping2D, k.Cropping3D), lambda e, c: _windowed(e, c, Op.POOL)),
        ((k.Softmax,), _softmax),
        ((k.Activation,), _activation),
        ((k.ReLU, k.LeakyReLU, k.ELU), lambda e, c: _plain(e, c, Op.ELEMENTWISE, label=activation_name(c.operation))),
        ((k.PReLU,), lambda e, c: _one(e, c, Op.ELEMENTWISE)),
        (_identities(), lambda e, c: _plain(e, c, Op.ELEMENTWISE)),
    ]


def _identities() -> tuple[type, ...]:
    """Layers that let values pass in evaluation mode."""
    from keras import layers as k

    noise = (k.Dropout, k.AlphaDropout, k.GaussianDropout, k.GaussianNoise)
    spatial = (k.SpatialDropout1D, k.SpatialDropout2D, k.SpatialDropout3D)
    return (*noise, *spatial, k.ActivityRegularization, k.Identity)


def _plain(e: Emitter, c: Call, op: Op, label: str = "", **attrs: Any) -> None:
    e.single(c, op, label=label or type(c.operation).__name__, **attrs)


def _one(e: Emitter, c: Call, op: Op, **attrs: Any) -> None:
    e.single(c, op, layer=True, label=type(c.operation).__name__, **attrs)


def _channel_axis(layer: Any, rank: int) -> int:
    return 0 if getattr(layer, "data_format", None) == "channels_first" else rank - 1


def _with_activation(e: Emitter, c: Call, op: Op, **attrs: Any) -> None:
    result = shape(c.outputs[0])
    name = e.node(c.name, op, e.inputs(c), result, layer=c.path, label=type(c.operation).__name__, **attrs)
    e.ends(c, e.activated(name, c.operation.activation, result))


def _linear(e: Emitter, c: Call) -> None:
    _with_activation(e, c, Op.LINEAR)


def _conv(e: Emitter, c: Call) -> None:
    axis = _channel_axis(c.operation, len(shape(c.outputs[0])))
    _with_activation(e, c, Op.CONV, groups=c.operation.groups, channel_axis=axis)


def _conv_transpose(e: Emitter, c: Call) -> None:
    axis = _channel_axis(c.operation, len(shape(c.outputs[0])))
    _with_activation(e, c, Op.CONV_TRANSPOSE, groups=1, channel_axis=axis)


def _depthwise_conv(e: Emitter, c: Call) -> None:
    axis = _channel_axis(c.operation, len(shape(c.outputs[0])))
    _with_activation(e, c, Op.CONV, groups=shape(c.inputs[0])[axis], channel_axis=axis)


def _separable_conv(e: Emitter, c: Call) -> None:
    _with_activation(e, c, Op.SEPARABLE_CONV, channel_axis=_channel_axis(c.operation, len(shape(c.outputs[0]))))


def _batch_norm(e: Emitter, c: Call) -> None:
    _one(e, c, Op.BATCH_NORM, channel_axis=axis_of(c.operation.axis, len(shape(c.outputs[0]))))


def _layer_norm(e: Emitter, c: Call) -> None:
    axis = c.operation.axis
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    _one(e, c, Op.LAYER_NORM, axes=tuple(axis_of(a, len(shape(c.outputs[0]))) for a in axes))


def _group_norm(e: Emitter, c: Call) -> None:
    axis = axis_of(c.operation.axis, len(shape(c.outputs[0])))
    groups = c.operation.groups if c.operation.groups != -1 else shape(c.outputs[0])[axis]
    _one(e, c, Op.GROUP_NORM, groups=groups, channel_axis=axis, kept=True)


def _time_distributed(e: Emitter, c: Call) -> None:
    """The wrapped layer over one more leading axis, where that is the same operation; opaque otherwise."""
    from keras import layers as k
    from keras.src.layers.convolutional.base_conv import BaseConv
    from keras.src.layers.pooling.base_global_pooling import BaseGlobalPooling
    from keras.src.layers.pooling.base_pooling import BasePooling

    inner, rank = c.operation.layer, len(shape(c.inputs[0]))
    inside = Call(c.path, c.name, inner, c.args, c.kwargs, c.inputs, c.outputs)
    last = getattr(inner, "data_format", "channels_last") == "channels_last"
    if isinstance(inner, k.Dense):
        _linear(e, inside)
    elif isinstance(inner, BaseConv) and last:
        _conv(e, inside)
    elif isinstance(inner, k.BatchNormalization):
        _one(e, inside, Op.BATCH_NORM, channel_axis=axis_of(inner.axis, rank - 1) + 1)
    elif isinstance(inner, (BasePooling, k.UpSampling2D, k.ZeroPadding2D)) and last:
        _windowed(e, inside, Op.POOL)
    elif isinstance(inner, BaseGlobalPooling) and last:
        _plain(e, inside, Op.REDUCE, axes=tuple(range(1, rank - 1)), keepdims=bool(inner.keepdims))
    elif isinstance(inner, (k.Activation, k.ReLU, *_identities())) or (isinstance(inner, k.Flatten) and last):
        emit(e, inside)
    else:
        e.opaque(c, f"TimeDistributed {type(inner).__name__}", layer=bool(inner.weights))


def _attention(e: Emitter, c: Call) -> None:
    if not plain_attention(c.operation):
        e.opaque(c, type(c.operation).__name__, layer=True)
        return
    query, value, key = (*c.args[:2], c.kwargs.get("key") if len(c.args) < 3 else c.args[2])
    key = value if key is None else key
    inputs = tuple(e.names[id(x)] for x in (query, key, value))
    attrs: dict[str, Any] = {"heads": c.operation.num_heads} | ({"weights": True} if len(c.outputs) > 1 else {})
    result, label = shape(c.outputs[0]), "MultiHeadAttention"
    e.names[id(c.outputs[0])] = e.node(c.name, Op.ATTENTION, inputs, result, layer=c.path, label=label, **attrs)
    for weights in c.outputs[1:]:  # they hang on the heads alone, not on the channels of the result
        e.names[id(weights)] = e.node(f"{c.name}/weights", Op.OPAQUE, (), shape(weights), label="attention weights")


def _concatenate(e: Emitter, c: Call) -> None:
    _plain(e, c, Op.CONCAT, axis=axis_of(c.operation.axis, len(shape(c.outputs[0]))))


def _windowed(e: Emitter, c: Call, op: Op) -> None:
    _plain(e, c, op, channel_axis=_channel_axis(c.operation, len(shape(c.outputs[0]))))


def _flattened(e: Emitter, c: Call) -> None:
    """Channels that come first are put last before."""
    before, names = shape(c.inputs[0]), e.inputs(c)
    if c.operation.data_format == "channels_first" and len(before) > 1:
        axes = (*range(1, len(before)), 0)
        turned = tuple(before[axis] for axis in axes)
        names = (e.node(f"{c.name}/last", Op.PERMUTE, names, turned, label="Permute", axes=axes),)
    name = e.node(c.name, Op.RESHAPE, names, shape(c.outputs[0]), label="Flatten")
    e.ends(c, name)


def _rescaled(e: Emitter, c: Call) -> None:
    """Entry by entry where all are scaled alike; numbers for each channel are constants, which stay."""
    alike = all(np.ndim(number) == 0 for number in (c.operation.scale, c.operation.offset))
    _plain(e, c, Op.ELEMENTWISE if alike else Op.OPAQUE)


def _repeated(e: Emitter, c: Call) -> None:
    """Every step is the vector."""
    (features,) = shape(c.inputs[0])
    one = e.node(f"{c.name}/one", Op.RESHAPE, e.inputs(c), (1, features), label="ExpandDims")
    name = e.node(c.name, Op.ELEMENTWISE, (one,), shape(c.outputs[0]), label="RepeatVector")
    e.ends(c, name)


def _global_pool(e: Emitter, c: Call) -> None:
    rank = len(shape(c.inputs[0]))
    channel = _channel_axis(c.operation, rank)
    axes = tuple(i for i in range(rank) if i != channel)
    _plain(e, c, Op.REDUCE, axes=axes, keepdims=bool(c.operation.keepdims))


def _softmax(e: Emitter, c: Call) -> None:
    axis = c.operation.axis
    if isinstance(axis, int):
        e.single(c, Op.SOFTMAX, label="softmax", axis=axis_of(axis, len(shape(c.outputs[0]))))
    else:
        e.opaque(c, "Softmax over several axes")


def _activation(e: Emitter, c: Call) -> None:
    name = activation_name(c.operation.activation)
    if name in ("softmax", "log_softmax"):
        e.single(c, Op.SOFTMAX, label=name, axis=len(shape(c.outputs[0])) - 1)
    else:
        e.single(c, Op.ELEMENTWISE if name in POINTWISE else Op.OPAQUE, label=name)
