"""A Keras network in the formats of other runtimes: which can be had, and the writers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from core.backends.keras import export, writing_litert, writing_onnx, writing_saved_model, writing_sparse
from core.backends.keras.model import KerasModel
from core.errors import BadModel, UnknownName


class Writer(NamedTuple):
    """``refuses`` gives "" or one sentence; ``write`` the file or folder."""

    refuses: Callable[[KerasModel], str]
    write: Callable[[KerasModel, Path], Path]


_WRITERS: Mapping[str, Writer] = {
    "native": Writer(lambda model: "", export.save),
    "sparse": Writer(lambda model: "", writing_sparse.write),
    "saved_model": Writer(lambda model: "", writing_saved_model.write),
    "onnx": Writer(writing_onnx.refuses, writing_onnx.write),
    "litert": Writer(writing_litert.refuses, writing_litert.write),
}


def formats(model: KerasModel) -> dict[str, str]:
    """See :meth:`core.backends._base.LoadedModel.formats`."""
    return {kind: writer.refuses(model) for kind, writer in _WRITERS.items()}


def write(model: KerasModel, kind: str, path: Path) -> Path:
    """See :meth:`core.backends._base.LoadedModel.write`."""
    if kind not in _WRITERS:
        raise UnknownName("format", kind, tuple(_WRITERS))
    if refused := _WRITERS[kind].refuses(model):
        raise BadModel(refused)
    return _WRITERS[kind].write(model, path)
