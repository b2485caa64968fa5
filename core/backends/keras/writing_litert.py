"""A Keras network as a LiteRT file (``.tflite``), built-in operations only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import temporary
from core.artefacts import write_bytes
from core.backends.keras.exporting import exported
from core.backends.keras.model import KerasModel
from core.backends.keras.surgery import plain


def refuses(model: KerasModel) -> str:
    """Why it cannot be had; nothing where it can."""
    recurrent = any(True for _ in _recurrent(model.network.model))
    if recurrent and any(shape[0] is None for shape in model.input_shapes if shape):
        return "LiteRT unrolls recurrent layers step by step; this network's number of steps is open."
    return ""


def write(model: KerasModel, path: Path, **settings: Any) -> Path:
    """Write ``path`` with the suffix .tflite, the batch free. ``settings`` are the converter's own.

    Loops over a free batch would need TensorFlow's own operations, which the small interpreter has not: recurrent
    layers are unrolled, one copy of the operations a step, the weights once.

    Raises:
        BadModel: An operation has no counterpart in LiteRT.
        Unavailable: The disk is full or not writable.
    """
    written = plain(model)
    for layer in _recurrent(written):
        layer.unroll = True
    with temporary.folder("litert") as folder:
        file = folder / "model.tflite"
        exported(written, file, "litert", **settings)
        return write_bytes(path.with_suffix(".tflite"), file.read_bytes())


def _recurrent(model: Any) -> Iterator[Any]:
    from keras import layers as k

    return (layer for layer in model._flatten_layers() if isinstance(layer, k.RNN))
