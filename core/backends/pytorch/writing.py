"""A PyTorch network in the formats of other runtimes: which can be had, and the writers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from core.backends.pytorch import export, writing_onnx, writing_safetensors
from core.backends.pytorch.network import Network
from core.errors import BadModel, UnknownName
from core.formats.litert import NOT_PYTORCH


class Writer(NamedTuple):
    """``refuses`` gives "" or one sentence; ``write`` the file or folder."""

    refuses: Callable[[Network], str]
    write: Callable[[Network, Path], Path]


def _litert(network: Network, path: Path) -> Path:
    raise BadModel(NOT_PYTORCH)


_WRITERS: Mapping[str, Writer] = {
    "native": Writer(lambda network: "", export.save),
    "safetensors": Writer(writing_safetensors.refuses, writing_safetensors.write),
    "sparse": Writer(writing_safetensors.refuses, writing_safetensors.write_sparse),
    "onnx": Writer(writing_onnx.refuses, writing_onnx.write),
    "litert": Writer(lambda network: NOT_PYTORCH, _litert),
}


def formats(network: Network) -> dict[str, str]:
    """See :meth:`core.backends._base.LoadedModel.formats`."""
    return {kind: writer.refuses(network) for kind, writer in _WRITERS.items()}


def write(network: Network, kind: str, path: Path) -> Path:
    """See :meth:`core.backends._base.LoadedModel.write`."""
    if kind not in _WRITERS:
        raise UnknownName("format", kind, tuple(_WRITERS))
    if refused := _WRITERS[kind].refuses(network):
        raise BadModel(refused)
    return _WRITERS[kind].write(network, path)
