"""A Keras network as an ONNX file."""

from pathlib import Path

from core import temporary
from core.backends import onnx_files
from core.backends.keras.exporting import exported
from core.backends.keras.model import KerasModel
from core.backends.keras.surgery import plain


def refuses(model: KerasModel) -> str:
    """Why it cannot be had; nothing where it can."""
    size = sum(array.nbytes for array in model.arrays().values())
    return onnx_files.missing("onnx", "tf2onnx") or onnx_files.too_large(size)


def write(model: KerasModel, path: Path) -> Path:
    """Write ``path`` with the suffix .onnx, the batch free; inputs keep their names.

    Raises:
        BadModel: An operation has no counterpart in ONNX.
        Unavailable: The disk is full or not writable.
    """
    import onnx

    written = plain(model)
    with temporary.folder("onnx") as folder:
        file = folder / "model.onnx"
        exported(written, file, "onnx")
        return onnx_files.written(onnx.load(file), path, model.input_names)
