"""The neutral picture of a network: operations, layers, weights, and the channels that must go together.

A backend makes it from its own objects; everything that decides what is pruned reads only this and arrays.

Arrays are in one canonical order, ``(out, in, *kernel)``, whatever the framework keeps:

=====================  ==========================================================================
layer                  roles and canonical shapes
=====================  ==========================================================================
linear                 ``kernel (out, in)``, ``bias (out,)``
conv 1-D, 2-D          ``kernel (out, in / groups, *window)``, ``bias (out,)``
depthwise conv         ``depthwise (channels * multiplier, 1, *window)``, ``bias``
separable conv         ``depthwise`` as above, ``pointwise (out, channels, 1…)``, ``bias``
transposed conv        ``kernel (out, in, *window)``, ``bias``
batch/layer/group norm ``scale``, ``shift`` (and ``mean``, ``variance``), all ``(channels,)``
embedding              ``embedding (tokens, channels)``; not prunable
GRU                    ``kernel (3 h, in)``, ``recurrent (3 h, h)``, gates in the order r, z, n;
                       ``bias (3 h,)``, ``recurrent_bias (3 h,)``
LSTM                   ``kernel (4 h, in)``, ``recurrent (4 h, h)``, gates i, f, g, o; ``bias (4 h,)``
attention              ``query``, ``key``, ``value`` ``(heads * dim, in)``, ``out (out, heads * dim)``
                       and ``query_bias key_bias value_bias out_bias``
=====================  ==========================================================================

An array's name is ``layer.role``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Roles whose arrays count as prunable kernels. Biases, normalisation and embeddings do not.
KERNEL_ROLES = ("kernel", "recurrent", "query", "key", "value", "out", "depthwise", "pointwise")


class Op(StrEnum):
    """What a node does to the values that flow through it."""

    INPUT = "input"
    OUTPUT = "output"
    LINEAR = "linear"  # over the last axis
    CONV = "conv"  # attrs: groups, channel_axis
    CONV_TRANSPOSE = "conv_transpose"  # attrs: groups, channel_axis
    SEPARABLE_CONV = "separable_conv"  # attrs: channel_axis
    BATCH_NORM = "batch_norm"  # attrs: channel_axis
    LAYER_NORM = "layer_norm"  # over the last axes; attrs: axes, kept (masks keep statistics exact; default: one axis)
    GROUP_NORM = "group_norm"  # attrs: groups, channel_axis, kept (default: they do not)
    EMBEDDING = "embedding"
    GRU = "gru"  # attrs: hidden; twin: the layer of the other direction, which keeps as many units
    LSTM = "lstm"  # attrs: as a GRU's
    ATTENTION = "attention"  # whole; attrs: heads; weights: somebody reads them; pairs: how many a head scores
    ELEMENTWISE = "elementwise"  # one input, entry by entry, perhaps repeated; with a slope per channel: channel_axis
    ADD = "add"  # two or more inputs, or one and a number, with broadcasting; an array of constants is an opaque input
    MULTIPLY = "multiply"
    CONCAT = "concat"  # attrs: axis
    RESHAPE = "reshape"  # row-major; Flatten is a reshape; inner: of an axis taken apart the inner part may shrink
    PERMUTE = "permute"  # attrs: axes
    POOL = "pool"  # windows over the axes that are not the channel axis; attrs: channel_axis; run: channels that
    # lie together become one (pixel shuffle); spread: one becomes as many that lie together
    PAD = "pad"  # zeros or copies around axes that are not the channel axis; attrs: channel_axis
    REDUCE = "reduce"  # mean, max or sum over axes; attrs: axes, keepdims
    SLICE = (
        "slice"  # attrs: axis, start, stop, step; or axis, index (drops the axis); pieces: one of so many equal ones
    )
    MATMUL = "matmul"  # two inputs
    SOFTMAX = "softmax"  # attrs: axis
    OPAQUE = "opaque"  # not understood: computed as it is, never cut through; attrs: reads: arrays of layers it holds


@dataclass(frozen=True)
class Node:
    """One operation.

    ``shape`` is one sample's result, without the batch axis, in the framework's own axis order;
    every ``axis``, ``axes`` and ``channel_axis`` in ``attrs`` is an index into such a shape (0 is the
    first axis after the batch), never negative. ``layer`` names the layer whose arrays the node uses.
    One layer used by two nodes is a shared layer.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    layer: str | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""  # what the framework calls it ("relu", "MaxPool2d"), for the picture and for reasons


@dataclass(frozen=True)
class Weight:
    """One prunable kernel in canonical order."""

    layer: str
    role: str
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """``layer.role``: the name masks, counts, allocations and recipes speak of."""
        return f"{self.layer}.{self.role}"

    @property
    def size(self) -> int:
        """Entries."""
        return prod(self.shape)


@dataclass(frozen=True)
class Graph:
    """All operations in an order in which each comes after its inputs, and the shape of every array.

    ``arrays`` maps ``layer.role`` to the canonical shape, parameters and running statistics alike.
    ``classes`` maps a layer to what its framework calls it ("Conv2d").
    """

    nodes: tuple[Node, ...]
    arrays: Mapping[str, tuple[int, ...]]
    classes: Mapping[str, str]

    def weights(self) -> tuple[Weight, ...]:
        """The prunable kernels, in the order of ``arrays``."""
        pairs = ((name.rpartition("."), shape) for name, shape in self.arrays.items())
        return tuple(Weight(layer, role, shape) for (layer, _, role), shape in pairs if role in KERNEL_ROLES)


@dataclass(frozen=True)
class Member:
    """One axis of one array that loses indices when channels of a group go.

    ``channel[i]`` is the channel of the group that index ``i`` of the axis belongs to, or -1 for none:
    a flattened 16-channel 5 x 5 picture gives a linear layer's axis 1 as 16 runs of 25.
    ``produces`` marks the rows that make the channel; their scores rank it.
    """

    array: str
    axis: int
    channel: NDArray[np.int32]
    produces: bool = False


@dataclass(frozen=True)
class Group:
    """Channels that must go together: producers' rows, biases, normalisation, and consumers' columns.

    ``kind`` says what one of its channels is: a ``channel`` (filter, neuron, feature), an attention ``head``, or a
    ``hidden`` unit of a GRU or LSTM with all its gates. ``cuttable`` groups can be removed for good. Of the others
    only the rows are zeroed; ``reason`` says why. ``estimated`` says why the preview of zeros differs from the cut
    network ("" where the two are equal).
    """

    name: str
    channels: int
    members: tuple[Member, ...]
    cuttable: bool = True
    reason: str = ""
    kind: str = "channel"
    estimated: str = ""


@dataclass(frozen=True)
class Layer:
    """One layer as the summary table shows it.

    ``parameters`` counts everything trained (kernels, biases, normalisation); ``macs`` is for one sample;
    ``group`` is the name of the group its output channels are in, "" for none; ``reason`` says why it is not prunable.
    """

    name: str
    kind: str
    class_name: str
    shape: tuple[int, ...]
    weights: tuple[Weight, ...]
    parameters: int
    macs: int
    group: str
    prunable: bool
    reason: str
