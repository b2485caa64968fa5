"""What goes into a network and what it is measured by, made into tensors that fit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.backends._base import Floats, Labels
from core.errors import BadData, BadModel, NotFinite, WrongLabels, WrongShape
from core.inputs import Inputs, arrays_of


@dataclass(frozen=True)
class Inlet:
    """One input.

    ``shape`` is one sample's, None where any size is taken; ``trial`` is a shape to try. ``tokens`` is how many whole
    numbers an embedding behind it knows, None where none is there.
    """

    name: str
    shape: tuple[int | None, ...]
    trial: tuple[int, ...]
    type: torch.dtype
    tokens: int | None = None

    def tensor(self, x: NDArray[Any], device: torch.device) -> torch.Tensor:
        """A batch as the network takes it."""
        given = np.ascontiguousarray(x)
        given = given if given.flags.writeable else given.copy()  # torch warns of arrays it could write to
        return torch.from_numpy(given).to(device, self.type)

    def zeros(self, batch: int) -> torch.Tensor:
        """So many samples of zeros."""
        return torch.zeros((batch, *self.trial), dtype=self.type)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether samples may have the shape."""
        return len(shape) == len(self.shape) and all(
            want is None or want == got for want, got in zip(self.shape, shape, strict=True)
        )

    def check_values(self, x: NDArray[Any]) -> None:
        """Raise BadData for what is no token where the network takes tokens."""
        if self.type.is_floating_point or not x.size:
            return
        if x.dtype.kind not in "iub" and (x != np.floor(x)).any():
            raise BadData(f'The input "{self.name}" takes whole numbers (tokens); the data have fractions.')
        if self.tokens is not None and (x.min() < 0 or x.max() >= self.tokens):
            raise BadData(
                f'The input "{self.name}" has tokens from {x.min()} to {x.max()}; '
                f"the network knows 0 to {self.tokens - 1}."
            )


def check(inlets: tuple[Inlet, ...], x: Inputs) -> None:
    """Look whether a batch fits.

    Raises:
        WrongShape: It has another number of arrays, samples of another shape, or arrays of different lengths.
        BadData: Fractions, or tokens that the network does not know, where it takes tokens.
    """
    arrays = arrays_of(x)
    if len(arrays) != len(inlets):
        raise WrongShape(f"The network takes {_counted(len(inlets))} for each sample; got {_counted(len(arrays))}.")
    for inlet, array in zip(inlets, arrays, strict=True):
        if array.ndim == 0 or not inlet.takes(array.shape[1:]):
            shape = tuple("any" if size is None else size for size in inlet.shape)
            which = f' for its input "{inlet.name}"' if len(inlets) > 1 else ""
            raise WrongShape(f"The network takes samples of the shape {shape}{which}; got {tuple(array.shape[1:])}.")
        if len(array) != len(arrays[0]):
            raise WrongShape(f"The inputs have {len(arrays[0])} and {len(array)} samples; all need as many.")
        inlet.check_values(array)


def _counted(arrays: int) -> str:
    return "one array" if arrays == 1 else f"{arrays} arrays"


def labelled(y: Labels | Floats, samples: int, output: str, units: int) -> torch.Tensor:
    """Classes as int64, targets of a regression as float32.

    Raises:
        WrongLabels: There are more or fewer than samples, or they are outside the network's classes.
        NotFinite: Targets are NaN or infinite.
        BadModel: The network's output is neither classes nor a regression.
    """
    given = np.asarray(y)
    if given.ndim == 0 or len(given) != samples:
        count = len(given) if given.ndim else 1
        raise WrongLabels(f"There are {samples} samples and {count} labels; each sample needs its own.")
    return _targets(given, units) if output == "regression" else _classes(given, units)


def _targets(given: NDArray[Any], units: int) -> torch.Tensor:
    values = np.array(given, np.float32)
    width = values[0].size if len(values) else units
    if units and width != units:
        raise WrongLabels(f"The network gives {units} values for each sample; the targets have {width}.")
    if not np.isfinite(values).all():
        raise NotFinite("Targets are NaN or infinite. Leave those samples out.")
    return torch.from_numpy(values)


def _classes(given: NDArray[Any], units: int) -> torch.Tensor:
    if units == 0:
        raise BadModel("The network's output is no row of classes: it has no loss to take gradients of.")
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer):
        raise WrongLabels(f"Labels must be one whole number a sample; got {given.dtype} of the shape {given.shape}.")
    classes = max(2, units)
    if len(given) and (given.min() < 0 or given.max() >= classes):
        raise WrongLabels(f"Labels run from {given.min()} to {given.max()}; the network tells {classes} classes apart.")
    return torch.from_numpy(np.array(given, np.int64))
