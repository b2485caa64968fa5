"""A Keras network whose weights are kept as bits and values where that is smaller, with the loader of a few lines."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save

from core.artefacts import replacing_folder, write_bytes, write_text
from core.backends.keras.model import KerasModel
from core.backends.keras.surgery import plain
from core.measures.size import sparse_tensors


def write(model: KerasModel, path: Path) -> Path:
    """Write the folder ``path``: ``weights.safetensors``, ``architecture.json`` (Keras' own), ``load.py``.

    Raises:
        Unavailable: The disk is full or not writable.
    """
    written = plain(model)
    named = {f"{place:05d} {variable.path}": np.asarray(variable) for place, variable in enumerate(written.weights)}
    numbers = {name: array for name, array in named.items() if array.dtype == np.float32}
    tensors, metadata = sparse_tensors(numbers)
    others = {name: array for name, array in named.items() if name not in numbers}
    source = Path(__file__).with_name("rebuilding.py").read_text(encoding="utf-8")
    with replacing_folder(path) as draft:
        write_bytes(draft / "weights.safetensors", save({**tensors, **others}, metadata))
        write_text(draft / "architecture.json", written.to_json())
        write_text(draft / "load.py", source)
    return path
