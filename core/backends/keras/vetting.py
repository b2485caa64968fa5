"""May this file be opened? Answered without the framework, executing nothing."""

import io
import zipfile
from pathlib import Path

from core.archives import open_zip, read_member
from core.backends.keras.configs import vet_config
from core.backends.keras.hdf5 import vet_model_file, vet_weights
from core.errors import RefusedFile

#: What Keras writes into a ``.keras`` file, and the most bytes each may have.
_MEMBERS = {"metadata.json": 1 << 20, "config.json": 64 << 20, "model.weights.h5": 4 << 30}


def vet(path: Path) -> None:
    """Look at a ``.keras`` or ``.h5`` file: its members, its configuration, its HDF5 structure.

    Raises:
        RefusedFile: One sentence: why, and what to do instead.
    """
    if not path.is_file():
        raise RefusedFile(f'"{path.name}" is not a file.')
    if path.name.lower().endswith((".weights.h5", ".safetensors")):
        raise RefusedFile(f'"{path.name}" holds weights only; save the whole network with model.save("name.keras").')
    if path.suffix.lower() == ".keras":
        _vet_archive(path)
    elif path.suffix.lower() in (".h5", ".hdf5"):
        vet_model_file(path)
    else:
        raise RefusedFile(f'"{path.name}" is no Keras file; save the network with model.save("name.keras").')


def _vet_archive(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"\x89HDF":
        raise RefusedFile(f'"{path.name}" is an HDF5 file under another name; rename it to end in .h5.')
    with open_zip(path) as archive:
        for info in archive.infolist():
            if info.filename not in _MEMBERS:
                raise RefusedFile(
                    f'"{path.name}" has a member "{info.filename[:80]}", which a plain network does not need; save a '
                    "network without vocabularies or other assets."
                )
        largest = vet_weights(io.BytesIO(_member(archive, "model.weights.h5")), path.name)
        vet_config(_member(archive, "config.json"), path.name, largest)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    return read_member(archive, name, _MEMBERS[name])
