"""Keras variables and canonical arrays: which part of which variable is which array, and how its axes turn.

A :class:`Slot` is one array. ``read`` turns the variable's own order into the canonical one (a view wherever axes only
move), ``write`` turns it back. A GRU's bias holds two arrays in one variable: ``part`` says which row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Turn = Callable[[Array], Array]
#: Running statistics: kept, but never trained.
STATISTICS = ("mean", "variance")


@dataclass(frozen=True)
class Slot:
    """One canonical array inside one variable."""

    layer: str
    role: str
    variable: Any
    read: Turn
    write: Turn
    part: int | None = None

    @property
    def name(self) -> str:
        """``layer.role``."""
        return f"{self.layer}.{self.role}"

    @property
    def trained(self) -> bool:
        """Whether gradients make sense for it."""
        return self.role not in STATISTICS

    def canonical(self, value: Array) -> Array:
        """The array in the variable's value."""
        return self.read(value if self.part is None else value[self.part])


def _same(x: Array) -> Array:
    return x


def _flat(x: Array) -> Array:
    return x.reshape(-1)


def _shaped(shape: Sequence[int]) -> Turn:
    return lambda x: x.reshape(tuple(shape))


def _moved(order: Sequence[int]) -> tuple[Turn, Turn]:
    back = tuple(int(i) for i in np.argsort(order))
    return lambda x: x.transpose(tuple(order)), lambda x: x.transpose(back)


def _gates(order: Sequence[int]) -> tuple[Turn, Turn]:
    """``(…, gates * h)`` in Keras' gate order -> ``(gates * h, …)`` in the canonical one, and back."""
    back = tuple(int(i) for i in np.argsort(order))

    def turned(x: Array, gates: Sequence[int]) -> Array:
        h = len(x) // len(gates)
        return x if tuple(gates) == tuple(sorted(gates)) else np.concatenate([x[g * h : (g + 1) * h] for g in gates])

    return lambda x: turned(x.T, order), lambda x: turned(x, back).T


#: Keras keeps z, r, n; we keep r, z, n. LSTM gates are i, f, g, o in both.
_GATE_ORDER = {"GRU": (1, 0, 2), "LSTM": (0, 1, 2, 3)}


@dataclass(frozen=True)
class Reader:
    """Makes the slots of one layer."""

    path: str

    def slot(
        self, role: str, variable: Any, turns: tuple[Turn, Turn] = (_same, _same), part: int | None = None
    ) -> list[Slot]:
        """One slot, or none where the layer has no such variable."""
        return [] if variable is None else [Slot(self.path, role, variable, *turns, part)]

    def dense(self, layer: Any) -> list[Slot]:
        return self.slot("kernel", layer.kernel, _moved((1, 0))) + self.slot("bias", layer.bias)

    def conv(self, layer: Any) -> list[Slot]:
        n = len(layer.kernel.shape)
        return self.slot("kernel", layer.kernel, _moved((n - 1, n - 2, *range(n - 2)))) + self.slot("bias", layer.bias)

    def conv_transpose(self, layer: Any) -> list[Slot]:
        n = len(layer.kernel.shape)
        return self.slot("kernel", layer.kernel, _moved((n - 2, n - 1, *range(n - 2)))) + self.slot("bias", layer.bias)

    def _depthwise(self, variable: Any) -> list[Slot]:
        *window, channels, multiplier = variable.shape
        n = len(window)
        there, back = _moved((n, n + 1, *range(n)))
        joined, split = _shaped((channels * multiplier, 1, *window)), _shaped((channels, multiplier, *window))
        return self.slot("depthwise", variable, (lambda x: joined(there(x)), lambda x: back(split(x))))

    def depthwise_conv(self, layer: Any) -> list[Slot]:
        return self._depthwise(layer.kernel) + self.slot("bias", layer.bias)

    def separable_conv(self, layer: Any) -> list[Slot]:
        n = len(layer.pointwise_kernel.shape)
        turn = _moved((n - 1, n - 2, *range(n - 2)))
        pointwise = self.slot("pointwise", layer.pointwise_kernel, turn)
        return self._depthwise(layer.depthwise_kernel) + pointwise + self.slot("bias", layer.bias)

    def batch_norm(self, layer: Any) -> list[Slot]:
        trained = self.slot("scale", layer.gamma) + self.slot("shift", layer.beta)
        return trained + self.slot("mean", layer.moving_mean) + self.slot("variance", layer.moving_variance)

    def norm(self, layer: Any) -> list[Slot]:
        scale = getattr(layer, "gamma", None) if hasattr(layer, "gamma") else getattr(layer, "scale", None)
        return self.slot("scale", scale) + self.slot("shift", getattr(layer, "beta", None))

    def embedding(self, layer: Any) -> list[Slot]:
        return self.slot("embedding", layer._embeddings)

    def recurrent(self, layer: Any) -> list[Slot]:
        cell = layer.cell
        turns = _gates(_GATE_ORDER[type(layer).__name__])
        slots = self.slot("kernel", cell.kernel, turns) + self.slot("recurrent", cell.recurrent_kernel, turns)
        if cell.bias is not None and len(cell.bias.shape) == 2:  # reset_after: input and recurrent bias in two rows
            return slots + self.slot("bias", cell.bias, turns, 0) + self.slot("recurrent_bias", cell.bias, turns, 1)
        return slots + self.slot("bias", cell.bias, turns)

    def attention(self, layer: Any) -> list[Slot]:
        slots = []
        for role, dense in (("query", layer.query_dense), ("key", layer.key_dense), ("value", layer.value_dense)):
            inside, *heads = dense.kernel.shape
            turns = (lambda x: x.reshape(len(x), -1).T, _from_heads((inside, *heads)))
            slots += self.slot(role, dense.kernel, turns)
        for role, dense in (("query", layer.query_dense), ("key", layer.key_dense), ("value", layer.value_dense)):
            if dense.bias is not None:
                slots += self.slot(f"{role}_bias", dense.bias, (_flat, _shaped(dense.bias.shape)))
        out = layer.output_dense
        shape = tuple(out.kernel.shape)
        slots += self.slot("out", out.kernel, (lambda x: x.reshape(-1, x.shape[-1]).T, lambda x: x.T.reshape(shape)))
        return slots + self.slot("out_bias", out.bias)

    def einsum_dense(self, layer: Any) -> list[Slot]:
        """What is summed over is in, what is new is out; a kernel with other axes stays as it is."""
        given, _, result = layer.equation.partition("->")
        entry, _, letters = given.partition(",")
        out = [letter for letter in letters if letter in result and letter not in entry]
        into = [letter for letter in letters if letter in entry and letter not in result]
        if not out or not into or len(out) + len(into) < len(letters):
            return self.other(layer)
        there, back = _moved([letters.index(letter) for letter in (*out, *into)])
        sizes = [layer.kernel.shape[letters.index(letter)] for letter in (*out, *into)]
        flat, split = _shaped((prod(sizes[: len(out)]), prod(sizes[len(out) :]))), _shaped(sizes)
        turns = (lambda x: flat(there(x)), lambda x: back(split(x)))
        return self.slot("kernel", layer.kernel, turns) + self.slot("bias", layer.bias)

    def other(self, layer: Any) -> list[Slot]:
        """A layer we know nothing of: its floating point variables by name, axes as they are."""
        slots: list[Slot] = []
        for variable in layer.weights:
            if "float" in str(variable.dtype):
                role = variable.path.split(f"{layer.name}/", 1)[-1].replace("/", "_").replace(".", "_")
                taken = {slot.role for slot in slots}
                role = role if role not in taken else f"{role}_{len(taken)}"
                slots += self.slot(role, variable)
        return slots


def _from_heads(shape: tuple[int, ...]) -> Turn:
    return lambda x: x.T.reshape(shape)


def _kinds() -> list[tuple[tuple[type, ...], Callable[[Reader, Any], list[Slot]]]]:
    from keras import layers as k
    from keras.src.layers.convolutional.base_conv import BaseConv
    from keras.src.layers.convolutional.base_conv_transpose import BaseConvTranspose
    from keras.src.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv
    from keras.src.layers.convolutional.base_separable_conv import BaseSeparableConv

    return [
        ((k.Dense,), Reader.dense),
        ((k.EinsumDense,), Reader.einsum_dense),
        ((BaseConv,), Reader.conv),
        ((BaseConvTranspose,), Reader.conv_transpose),
        ((BaseDepthwiseConv,), Reader.depthwise_conv),
        ((BaseSeparableConv,), Reader.separable_conv),
        ((k.BatchNormalization,), Reader.batch_norm),
        ((k.LayerNormalization, k.GroupNormalization, k.RMSNormalization), Reader.norm),
        ((k.Embedding,), Reader.embedding),
        ((k.GRU, k.LSTM), Reader.recurrent),
    ]


def plain_attention(layer: Any) -> bool:
    """Whether a multi-head attention is over one axis with one output axis, without a gate: the textbook's."""
    return len(layer.output_dense.kernel.shape) == 3 and not getattr(layer, "_use_gate", False)


def slots_of(layer: Any, path: str) -> list[Slot]:
    """All arrays of one layer (which is no model), wrapped ones under ``path.forward`` and ``path.backward``."""
    from keras import layers as k

    reader = Reader(path)
    if isinstance(layer, k.TimeDistributed):
        return slots_of(layer.layer, path)
    if isinstance(layer, k.Bidirectional):
        return slots_of(layer.forward_layer, f"{path}.forward") + slots_of(layer.backward_layer, f"{path}.backward")
    if isinstance(layer, k.MultiHeadAttention) and plain_attention(layer):
        return reader.attention(layer)
    for classes, read in _kinds():
        if isinstance(layer, classes):
            return read(reader, layer)
    return reader.other(layer)


def shapes(slots: Sequence[Slot]) -> dict[str, tuple[int, ...]]:
    """The canonical shape of every array, without touching a value."""
    found = {}
    for slot in slots:
        hollow = np.broadcast_to(np.float32(0), tuple(slot.variable.shape))
        found[slot.name] = tuple(slot.canonical(hollow).shape)
    return found


def by_variable(slots: Sequence[Slot], arrays: Mapping[str, Array]) -> Iterator[tuple[Any, list[tuple[Slot, Array]]]]:
    """The named arrays, gathered by the variable they belong to."""
    gathered: dict[int, tuple[Any, list[tuple[Slot, Array]]]] = {}
    for slot in slots:
        if slot.name in arrays:
            gathered.setdefault(id(slot.variable), (slot.variable, []))[1].append((slot, arrays[slot.name]))
    yield from gathered.values()


def merged(base: Array, parts: Sequence[tuple[Slot, Array]]) -> Array:
    """A variable's value: ``base`` with the given canonical arrays written over it."""
    result = base
    for slot, array in parts:
        turned = slot.write(array)
        if slot.part is None:
            result = turned
        else:
            result = result.copy()
            result[slot.part] = turned
    return result
