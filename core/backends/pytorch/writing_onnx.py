"""A PyTorch network as an ONNX file."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.export import Dim

from core.backends import onnx_files
from core.backends.pytorch.network import Network
from core.backends.pytorch.running import clone
from core.errors import BadModel, first_line

#: Two samples: with one, PyTorch takes the batch for a constant.
_EXAMPLE = 2


def refuses(network: Network) -> str:
    """Why it cannot be had; nothing where it can."""
    size = sum(array.nbytes for array in network.arrays().values())
    return onnx_files.missing("onnx", "onnxscript") or onnx_files.too_large(size)


def write(network: Network, path: Path) -> Path:
    """Write ``path`` with the suffix .onnx. The batch, and other axes of any size, are free where PyTorch allows it.

    Raises:
        BadModel: An operation has no counterpart in ONNX.
        Unavailable: The disk is full or not writable.
    """
    return onnx_files.written(_exported(network), path, network.input_names)


def _exported(network: Network) -> Any:
    """The ``ModelProto``, from the lifted module in evaluation mode."""
    example = network.example(network.facts.only_batch or _EXAMPLE)
    failure: Exception | None = None
    for axes in _free_axes(network):
        try:
            with _quiet(), torch.no_grad():
                program = torch.onnx.export(
                    clone(network.module), example, dynamo=True, dynamic_shapes=axes, optimize=True, verbose=False
                )
            assert program is not None  # with dynamo there is a program
            return program.model_proto
        except Exception as err:  # the exporter raises whatever the network's graph leads to
            failure = err
    raise BadModel(f"PyTorch cannot write the network as ONNX: {_reason(failure)}") from failure


def _free_axes(network: Network) -> Iterator[Any]:
    """What to leave free, most first."""
    if network.facts.only_batch is not None:
        yield None
        return
    every = tuple(
        {0: Dim.DYNAMIC, **{axis: Dim.DYNAMIC for axis, size in enumerate(shape, 1) if size is None}}
        for shape in network.input_shapes
    )
    batch = tuple({0: Dim.DYNAMIC} for _ in network.input_shapes)
    yield every
    if every != batch:
        yield batch


def _reason(error: BaseException | None) -> str:
    """The first line of what lies at the bottom."""
    while error is not None and error.__cause__ is not None:
        error = error.__cause__
    return "" if error is None else first_line(error)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the exporter says is for the network's author."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
