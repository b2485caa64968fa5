"""A Keras network as a TensorFlow SavedModel folder."""

from pathlib import Path

from core.artefacts import replacing_folder
from core.backends.keras.exporting import exported
from core.backends.keras.model import KerasModel
from core.backends.keras.surgery import plain


def write(model: KerasModel, path: Path) -> Path:
    """Write the folder ``path``, the batch free; what was there before goes.

    Raises:
        BadModel: TensorFlow cannot trace it.
        Unavailable: The disk is full or not writable.
    """
    written = plain(model)
    with replacing_folder(path) as draft:
        exported(written, draft, "tf_saved_model")
    return path
