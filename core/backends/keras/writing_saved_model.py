"""A Keras network as a TensorFlow SavedModel folder."""

import tempfile
from pathlib import Path

from core.artefacts import unavailable
from core.backends.keras.exporting import exported
from core.backends.keras.model import KerasModel
from core.backends.keras.surgery import plain
from core.paths import made


def write(model: KerasModel, path: Path) -> Path:
    """Write the folder ``path``, the batch free; what was there before goes.

    Raises:
        BadModel: TensorFlow cannot trace it.
        Unavailable: The disk is full or not writable.
    """
    written = plain(model)
    made(path.parent)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
            part = Path(folder) / "saved_model"
            exported(written, part, "tf_saved_model")
            if path.exists():
                path.rename(Path(folder) / "old")
            part.rename(path)
    except OSError as err:
        raise unavailable(path, err) from err
    return path
