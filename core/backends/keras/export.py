"""Files that open in plain Keras, and the lines that open them."""

import os
import tempfile
import warnings
from pathlib import Path

from core.backends.keras.framework import imported
from core.backends.keras.model import KerasModel
from core.backends.keras.network import Network
from core.backends.keras.surgery import plain
from core.backends.keras.walk import functional
from core.errors import Unavailable


def save(model: KerasModel, path: Path) -> Path:
    """Write ``model`` as ``.keras``, atomically.

    Raises:
        Unavailable: The disk is full or not writable.
    """
    keras, _ = imported()
    path = path.with_suffix(".keras")
    written = plain(model)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
            part = Path(folder) / "model.keras"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                keras.saving.save_model(written, part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(path)
    except OSError as err:
        raise Unavailable(f'"{path.name}" could not be written: {err.strerror or err}.') from err
    return path


def snippet(network: Network, file_name: str) -> str:
    """Python that opens a saved file in plain Keras and predicts ``y`` for the batch ``x``.

    ``x`` is a tuple where the network has several inputs; of several outputs ``y`` is the first.
    """
    names = [name for name, _ in network.walk.inputs]
    by_name = isinstance(functional(network.model)._inputs_struct, dict)
    given = "x" if len(names) == 1 else "list(x)"
    if by_name:
        given = f"dict(zip({names!r}, {'[x]' if len(names) == 1 else 'x'}))"
    found = f"model.predict({given}, verbose=0)"
    found = found if len(network.walk.outputs) == 1 else f"keras.tree.flatten({found})[0]"
    return f"""import keras  # any backend of Keras 3 will do

model = keras.saving.load_model({file_name!r}, compile=False)
y = {found}
"""
