"""Samples and labels from outside, as the compiled functions take them; what does not fit is named."""

from collections.abc import Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Batch, Floats
from core.backends.keras.network import Network, takes_integers
from core.backends.keras.walk import Walk
from core.errors import BadData, BadModel, EmptyData, NotFinite, WrongLabels, WrongShape
from core.inputs import Inputs, arrays_of

Array = NDArray[Any]


class Feed:
    """Fits data to one network.

    Args:
        network: What takes it.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.names = tuple(name for name, _ in network.walk.inputs)
        self.shapes = tuple(tuple(entry.shape[1:]) for entry in network.entries)
        #: Samples the network takes at a time; None for any number.
        self.batch: int | None = next((e.shape[0] for e in network.entries if e.shape[0] is not None), None)

    @cached_property
    def _tokens(self) -> dict[str, int]:
        return token_counts(self._network.walk)

    def inputs(self, x: Inputs) -> tuple[Array, ...]:
        """One array for each input, tokens as 64-bit integers, all else in single precision.

        Raises:
            WrongShape: Too few or too many arrays, or samples of another shape.
            BadData: Fractions, or tokens that the network does not know, where it takes tokens.
        """
        arrays = arrays_of(x)
        if len(arrays) != len(self.names):
            names = ", ".join(self.names)
            raise WrongShape(f"The data have {len(arrays)} inputs; the network takes {len(self.names)}: {names}.")
        if len({len(array) for array in arrays}) > 1:
            raise WrongShape(f"The inputs differ in their samples: {', '.join(str(len(array)) for array in arrays)}.")
        entries = zip(self.names, arrays, self.shapes, self._network.entries, strict=True)
        return tuple(self._fitting(*entry) for entry in entries)

    def _fitting(self, name: str, x: Array, expected: tuple[int | None, ...], entry: Any) -> Array:
        given = x.shape[1:]
        if len(given) != len(expected) or any(n not in (None, m) for n, m in zip(expected, given, strict=True)):
            of = f' for input "{name}"' if len(self.names) > 1 else ""
            raise WrongShape(f"Each sample has shape {given}{of}; the network takes {expected}.")
        if takes_integers(entry) and x.dtype.kind not in "iub" and (x != np.floor(x)).any():
            raise BadData(f'Input "{name}" takes whole numbers (tokens); the data have fractions.')
        if name in self._tokens and x.size:
            self._known(name, x)
        return np.ascontiguousarray(x, np.int64 if takes_integers(entry) else np.float32)

    def _known(self, name: str, x: Array) -> None:
        low, high, count = x.min(), x.max(), self._tokens[name]
        if low < 0 or high >= count or low != low:
            raise BadData(f'Input "{name}" has tokens from {low} to {high}; the network knows 0 to {count - 1}.')

    def padded(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """A batch filled up with zeros to the number of samples the network takes."""
        missing = self.batch - len(arrays[0]) if self.batch else 0
        if not missing:
            return tuple(arrays)
        return tuple(np.concatenate([a, np.zeros((missing, *a.shape[1:]), a.dtype)]) for a in arrays)

    def targets(self, y: Any, output: str, classes: int, samples: int) -> Array:
        """Labels as 64-bit integers ``(samples,)``; of a regression numbers ``(samples, values)``.

        Raises:
            WrongLabels: Another number of labels than samples, or of values, or outside the classes of the network.
            NotFinite: Targets are NaN or infinite.
        """
        y = np.asarray(y)
        if y.ndim == 0 or len(y) != samples:
            raise WrongLabels(f"There are {samples} samples but {len(y) if y.ndim else 1} labels; each needs its own.")
        if output == "regression":
            return self._values(y)
        if y.ndim != 1 or y.dtype.kind not in "iub":
            raise WrongLabels(f"Labels are one whole number a sample; got {y.dtype} of shape {y.shape}.")
        if y.size and (y.min() < 0 or y.max() >= classes):
            raise WrongLabels(f"Labels are from {y.min()} to {y.max()}; the network tells 0 to {classes - 1} apart.")
        labels: Array = y.astype(np.int64, copy=False)
        return labels

    def _values(self, y: Array) -> Array:
        shape = tuple(self._network.walk.outputs[0].shape[1:])
        if prod(y.shape[1:]) != prod(shape):
            raise WrongLabels(f"Each target has shape {y.shape[1:]}; the network gives {shape}.")
        if not np.isfinite(y).all():
            raise NotFinite("Targets are NaN or infinite. Leave those samples out.")
        return np.ascontiguousarray(y.reshape(len(y), prod(shape)), np.float32)

    def batch_of(self, batch: Batch, output: str, classes: int, loss: bool) -> tuple[tuple[Array, ...], Array, Floats]:
        """Inputs, targets and weights of one calibration batch; targets are zeros if no ``loss`` is wanted.

        Raises:
            EmptyData: It has no sample.
            BadModel: The network takes another number of samples at a time.
            WrongShape: As many weights as samples are needed; and see above.
        """
        batch = Batch(*batch)
        inputs = self.inputs(batch.x)
        count = len(inputs[0])
        if count == 0:
            raise EmptyData("A calibration batch has no samples.")
        if self.batch not in (None, count):
            raise BadModel(f"The network takes exactly {self.batch} samples at a time; this batch has {count}.")
        weights = np.ones(count, np.float32) if batch.weight is None else np.asarray(batch.weight, np.float32)
        if weights.shape != (count,):
            raise WrongShape(f"There are {count} samples but weights of shape {weights.shape}.")
        targets = self.targets(batch.y, output, classes, count) if loss else np.zeros(count, np.float32)
        return inputs, targets, weights


def token_counts(walk: Walk) -> dict[str, int]:
    """Tokens that an embedding knows, by the input that goes straight into it."""
    from keras import layers as k

    names = {id(symbol): name for name, symbol in walk.inputs}
    found: dict[str, int] = {}
    for call in walk.calls:
        if isinstance(call.operation, k.Embedding) and id(call.inputs[0]) in names:
            name = names[id(call.inputs[0])]
            found[name] = min(found.get(name, call.operation.input_dim), call.operation.input_dim)
    return found
