"""What of a Hugging Face folder is read: ``config.json`` and weights as safetensors, in a folder or in a .zip of one.

Everything else that lies there, code and pickles above all, is never opened. Imports no framework.
"""

import json
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from core.archives import DAMAGE, open_zip
from core.backends.pytorch.safetensors_vetting import vet_tensors
from core.errors import RefusedFile

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
#: Weights hardly compress; what unpacks to more than this is no model of ours.
LARGEST = 16 << 30
_LARGEST_CONFIG = 1 << 20
_LARGEST_INDEX = 16 << 20
_SAVE = "Save it again: model.save_pretrained(folder)."
#: What a name with a slash would have transformers fetch from the hub and run.
_KERNELS = ("attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation",
            "_attn_implementation_internal", "_experts_implementation_internal")  # fmt: skip
#: What makes transformers run the folder's or the hub's code, or replace layers.
_CODE = ("auto_map", "kernel_config", "use_kernels", "fusion_config", "trust_remote_code", "custom_pipelines")


class Folder(ABC):
    """A folder by its name, and the names of the files in it."""

    name: str

    @abstractmethod
    def names(self) -> frozenset[str]:
        """What lies in it directly."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a file."""

    @abstractmethod
    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """A file, to be read once.

        Raises:
            RefusedFile: It is damaged.
        """
        raise NotImplementedError
        yield

    def text(self, name: str, most: int) -> Mapping[str, Any]:
        """A JSON object.

        Raises:
            RefusedFile: It is none, or too large.
        """
        if self.size(name) > most:
            raise RefusedFile(f'The "{name}" of "{self.name}" is larger than any of its kind.')
        try:
            with self.opened(name) as file:
                found = json.loads(file.read().decode("utf-8"))
        except (ValueError, RecursionError) as err:
            raise RefusedFile(f'The "{name}" of "{self.name}" is damaged.') from err
        if not isinstance(found, dict):
            raise RefusedFile(f'The "{name}" of "{self.name}" is damaged.')
        return found


class OnDisk(Folder):
    """A real folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    def names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self.path.iterdir() if entry.is_file())

    def size(self, name: str) -> int:
        return (self.path / name).stat().st_size

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        try:
            with (self.path / name).open("rb") as file:
                yield file
        except OSError as err:
            raise RefusedFile(f'"{name}" of "{self.name}" cannot be read.') from err


class Zipped(Folder):
    """The one folder with a ``config.json`` in an archive that was looked over."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive = archive
        self.name = name
        roots = [name.removesuffix(CONFIG) for name in archive.namelist() if PurePosixPath(name).name == CONFIG]
        self.root = min(roots, key=lambda root: (root.count("/"), root), default="")

    def names(self) -> frozenset[str]:
        inside = (name.removeprefix(self.root) for name in self.archive.namelist() if name.startswith(self.root))
        return frozenset(name for name in inside if name and "/" not in name)

    def size(self, name: str) -> int:
        return self.archive.getinfo(self.root + name).file_size

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        try:
            with self.archive.open(self.root + name) as file:
                yield file  # type: ignore[misc]
        except RefusedFile:
            raise
        except DAMAGE as err:
            raise RefusedFile(f'"{name}" in "{self.name}" is damaged. Pack the folder again.') from err


def in_folder(path: Path) -> bool:
    """Whether weights lie in a Hugging Face folder and are its own."""
    if not (path.parent / CONFIG).is_file():
        return False
    return path.name == WEIGHTS or (path.suffix == ".safetensors" and (path.parent / INDEX).is_file())


@contextmanager
def folder(path: Path) -> Iterator[Folder]:
    """The folder that a .zip holds, or in which weights lie, ready to be read.

    Raises:
        RefusedFile: The archive is unsafe or damaged.
    """
    if path.suffix.lower() != ".zip":
        yield OnDisk(path.parent)
        return
    with open_zip(path, largest=LARGEST) as archive:
        yield Zipped(archive, path.name)


def vet_folder(found: Folder) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The configuration and the names of the weights' files, all looked at.

    Raises:
        RefusedFile: One is missing or damaged; or the folder brings code, an adapter or quantised weights.
    """
    names = found.names()
    if CONFIG not in names:
        raise RefusedFile(
            f'"{found.name}" holds no {CONFIG}. A .zip is opened if it is of a Hugging Face folder: {CONFIG} and '
            f"{WEIGHTS}. {_SAVE}"
        )
    config = found.text(CONFIG, _LARGEST_CONFIG)
    if "adapter_config.json" in names or _bringing(config):
        raise RefusedFile(
            f'"{found.name}" brings code of its own, a kernel or an adapter, which is never run. '
            "Export the network as .pt2 where you trust it."
        )
    if config.get("quantization_config"):
        raise RefusedFile(f'"{found.name}" holds quantised weights. Save it in single precision.')
    parts = _parts(found, names)
    for part in parts:
        with found.opened(part) as file:
            vet_tensors(file, found.size(part), part)
    return config, parts


def vet_zip(path: Path) -> None:
    """Nothing, if the archive is of a folder that may be opened."""
    with folder(path) as found:
        vet_folder(found)


def _bringing(config: Any, depth: int = 0) -> bool:
    """Whether a configuration, or one in it, asks for code."""
    if depth > 20:
        return True
    if isinstance(config, list):
        return any(_bringing(item, depth + 1) for item in config)
    if not isinstance(config, dict):
        return False
    if any(config.get(key) for key in _CODE) or any("/" in str(config.get(key, "")) for key in _KERNELS):
        return True
    return any(_bringing(value, depth + 1) for value in config.values())


def _parts(found: Folder, names: frozenset[str]) -> tuple[str, ...]:
    if WEIGHTS in names:
        return (WEIGHTS,)
    if INDEX not in names:
        pickled = " Its weights are pickled, which is never opened." if "pytorch_model.bin" in names else ""
        raise RefusedFile(f'"{found.name}" has a {CONFIG} but no {WEIGHTS}.{pickled} {_SAVE}')
    listed = found.text(INDEX, _LARGEST_INDEX).get("weight_map")
    parts = {str(part) for part in listed.values()} if isinstance(listed, dict) else set()
    if not parts or not all(part.endswith(".safetensors") for part in parts):
        raise RefusedFile(f'The "{INDEX}" of "{found.name}" is damaged.')
    missing = sorted(parts - names)
    if missing:
        raise RefusedFile(f'"{found.name}" lacks "{missing[0][:80]}", which its "{INDEX}" names.')
    return tuple(sorted(parts))
