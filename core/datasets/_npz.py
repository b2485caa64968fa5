"""A person's own ``.npz`` file, read without ever unpickling, under limits of size and memory."""

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.archives import DAMAGE, open_zip
from core.datasets._base import Floats, Parts, parted
from core.datasets._labels import labels
from core.datasets._scaling import MOST_CHANNELS
from core.errors import BadData, EmptyData, NotFinite, RefusedFile, WrongShape

NAMES = ("x_train", "y_train", "x_test", "y_test")
#: Bytes a file may hold unpacked, and bytes its samples may take as float32.
LARGEST = 2 << 30
#: Deflate cannot grow anything more than about 1,032 times; LARGEST is what limits.
_RATIO = 1100


def load_npz(path: Path) -> Parts:
    """The parts of a file with ``x_train y_train x_test y_test``; 10 % of train goes to validation.

    Raises:
        RefusedFile: It is damaged, too large, or holds pickled objects.
        BadData: An array is missing, empty, not finite, or of a shape or kind that cannot be used.
    """
    arrays = read_arrays(path, NAMES)
    x_train, x_test = samples(arrays["x_train"], "x_train"), samples(arrays["x_test"], "x_test")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise WrongShape(f"x_train has samples of shape {x_train.shape[1:]}, x_test of shape {x_test.shape[1:]}.")
    found = labels({name: arrays[name] for name in ("y_train", "y_test")})
    y_train, y_test = found.arrays
    for x, y, part in ((x_train, y_train, "train"), (x_test, y_test, "test")):
        if len(x) != len(y):
            raise BadData(f"x_{part} has {len(x)} samples, y_{part} has {len(y)} labels; there must be one for each.")
    if len(x_train) < 2:
        raise EmptyData("x_train has a single sample; at least two are needed, one of them for validation.")
    held = max(1, round(len(x_train) / 10))
    kind, test = _kind(x_train.shape[1:]), (x_test, y_test)
    parts = parted(path.name, x_train, y_train, classes=found.classes, kind=kind, validation=held, test=test)
    return replace(parts, own=True, warnings=found.warnings)


def read_arrays(path: Path, names: Iterable[str]) -> Mapping[str, NDArray[Any]]:
    """The named arrays of an ``.npz``; others in it are left alone.

    Raises:
        RefusedFile: The archive is unsafe, damaged or too large, or an array is made of Python objects.
        BadData: An array is missing.
    """
    with open_zip(path, largest=LARGEST, ratio=_RATIO) as archive:
        held = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        missing = [name for name in names if name not in held]
        if missing:
            raise BadData(f'"{path.name}" lacks {", ".join(missing)}; it holds {", ".join(held) or "nothing"}.')
        return {name: _array(archive, held[name], name) for name in names}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> NDArray[Any]:
    """One array, its header checked before memory is taken for it."""
    try:
        with archive.open(member) as file:
            _check_header(file, member.file_size, name)
        with archive.open(member) as file:
            return np.asarray(npy.read_array(file, allow_pickle=False))
    except DAMAGE as err:
        if isinstance(err, RefusedFile):
            raise
        raise RefusedFile(
            f'The array "{name}" is damaged or of a kind we do not read. Save it with numpy.savez.'
        ) from err


def _check_header(file: Any, size: int, name: str) -> None:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise RefusedFile(f'The array "{name}" holds Python objects, which are never opened. Save plain numbers.')
    if prod(shape) * dtype.itemsize != size - file.tell():
        raise RefusedFile(f'The array "{name}" is cut short or damaged. Save it again with numpy.savez.')
    if prod(shape) * 4 > LARGEST:
        raise RefusedFile(
            f'The array "{name}" would take {prod(shape) * 4} bytes of memory; at most {LARGEST} are taken.'
        )


def samples(x: NDArray[Any], name: str) -> Floats:
    """An array of samples as float32.

    Raises:
        WrongShape, EmptyData, NotFinite, BadData: It has no axis beside the samples, none, NaN or infinite ones,
            or is not made of numbers.
    """
    if x.dtype.kind not in "fiub":
        raise BadData(f'The array "{name}" is of kind {x.dtype}; samples must be real numbers.')
    if x.ndim < 2:
        raise WrongShape(
            f'The array "{name}" has shape {x.shape}; samples come first, then at least one axis of values.'
        )
    if x.size == 0:
        raise EmptyData(f'The array "{name}" of shape {x.shape} holds no samples.')
    with np.errstate(over="ignore"):
        ready = x.astype(np.float32)
    bad = ~np.isfinite(ready).reshape(len(ready), -1).all(axis=1)
    if bad.any():
        raise NotFinite(
            f'The array "{name}" has NaN, infinite or too large values in {int(bad.sum())} of {len(ready)} samples, '
            f"the first at index {int(bad.argmax())}. Fill or drop them."
        )
    return ready


def _kind(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return "table"
    return "series" if len(shape) == 2 and min(shape) <= MOST_CHANNELS else "picture"
