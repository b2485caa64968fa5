"""Files that are whole or not there: written beside their place, flushed, then moved into it."""

import errno
import json
import math
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from core.errors import RefusedFile, Unavailable
from core.masks import Mask

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of ``path`` when the block ends well, and vanishes when it does not.

    Raises:
        Unavailable: The disk is full or does not let us write. What was at ``path`` is still there.
    """
    draft = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield draft
        _flush(draft)
        draft.replace(path)
        _flush(path.parent)
    except OSError as err:
        raise unavailable(path, err) from err
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder to write into; it takes the place of ``path`` when the block ends well, and vanishes when it does not.

    Raises:
        Unavailable: The disk is full or does not let us write. What was at ``path`` is still there.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as name:
            draft = Path(name) / path.name
            draft.mkdir()
            yield draft
            if path.exists():
                path.rename(Path(name) / "before")
            draft.rename(path)
    except OSError as err:
        raise unavailable(path, err) from err


def unavailable(path: Path, err: OSError) -> Unavailable:
    """The sentence for a file that could not be written."""
    if err.errno in _FULL:
        return Unavailable(f'The disk is full: "{path.name}" could not be written. Free some space and try again.')
    return Unavailable(f'"{path}" could not be written: {err.strerror or err}.')


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows has no handle on a folder
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file as a whole."""
    with replacing(path) as draft:
        draft.write_bytes(content)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a UTF-8 file as a whole."""
    return write_bytes(path, text.encode())


def write_json(path: Path, values: Mapping[str, Any]) -> Path:
    """Write a JSON object as a whole."""
    return write_text(path, json.dumps(finite(values), indent=2, allow_nan=False) + "\n")


def finite(values: Any) -> Any:
    """Plain values with None for every NaN or infinity, which JSON does not know (the loss of a run that diverged)."""
    if isinstance(values, Mapping):
        return {name: finite(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [finite(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]], about: Mapping[str, str]) -> Path:
    """Write arrays as safetensors; ``about`` is its metadata."""
    return write_bytes(path, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, dict(about)))


def write_masks(path: Path, masks: Mapping[str, Mask]) -> Path:
    """Write masks as packed bits (:meth:`Mask.packed`), their shapes in the metadata."""
    shapes = json.dumps({name: masks[name].kept.shape for name in sorted(masks)})
    return write_arrays(path, {name: mask.packed() for name, mask in masks.items()}, {"shapes": shapes})


def read_masks(path: Path) -> dict[str, Mask]:
    """The masks that :func:`write_masks` wrote.

    Raises:
        RefusedFile: The file is damaged or holds no masks.
    """
    try:
        with safe_open(path, framework="numpy") as opened:
            shapes = json.loads((opened.metadata() or {})["shapes"])
        return {name: Mask.unpacked(bits, tuple(shapes[name])) for name, bits in load_file(path).items()}
    except (OSError, KeyError, ValueError, TypeError, SafetensorError) as err:
        raise RefusedFile(f'"{path.name}" holds no masks that could be read: {err}') from err
