"""A person's own ``.npz`` file, read without ever unpickling, under limits of size and memory."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.archives import DAMAGE, open_zip
from core.datasets._base import Parts, parted
from core.datasets._scaling import MOST_CHANNELS
from core.datasets._targets import targets
from core.errors import BadData, EmptyData, NotFinite, RefusedFile, WrongShape
from core.inputs import Inputs, Several, sample_shapes

NAMES = ("x_train", "y_train", "x_test", "y_test")
#: Bytes a file may hold unpacked, and bytes its samples may take as float32.
LARGEST = 2 << 30
#: Deflate cannot grow anything more than about 1,032 times; LARGEST is what limits.
_RATIO = 1100


def load_npz(path: Path) -> Parts:
    """The parts of a file with ``x_train y_train x_test y_test``; 10 % of train goes to validation.

    Samples for several inputs are ``x_train.NAME`` and ``x_test.NAME``, one pair for each. Targets are labels, or the
    floating-point values of a regression.

    Raises:
        RefusedFile: It is damaged, too large, or holds pickled objects.
        BadData: An array is missing, empty, not finite, or of a shape or kind that cannot be used.
    """
    inputs = _input_names(path)
    wanted = [f"{part}{name}" for part in ("x_train", "x_test") for name in inputs]
    arrays = read_arrays(path, [*wanted, "y_train", "y_test"] if inputs != [""] else NAMES)
    x_train, x_test = (_inputs(arrays, part, inputs) for part in ("x_train", "x_test"))
    if sample_shapes(x_train) != sample_shapes(x_test):
        shapes = [" and ".join(map(str, sample_shapes(x))) for x in (x_train, x_test)]
        raise WrongShape(f"x_train has samples of shape {shapes[0]}, x_test of shape {shapes[1]}.")
    found = targets({name: arrays[name] for name in ("y_train", "y_test")})
    y_train, y_test = found.arrays
    for x, y, part in ((x_train, y_train, "train"), (x_test, y_test, "test")):
        if len(x) != len(y):
            raise BadData(f"x_{part} has {len(x)} samples, y_{part} has {len(y)} labels; there must be one for each.")
    if len(x_train) < 2:
        raise EmptyData("x_train has a single sample; at least two are needed, one of them for validation.")
    held = max(1, round(len(x_train) / 10))
    kind, test = _kind(sample_shapes(x_train)), (x_test, y_test)
    parts = parted(path.name, x_train, y_train, classes=found.classes, kind=kind, validation=held, test=test)
    return replace(parts, own=True, warnings=found.warnings)


def _input_names(path: Path) -> list[str]:
    """What follows ``x_train`` in the names of the arrays, in the file's order: ``[""]``, or ``[".one", ".other"]``."""
    with open_zip(path, largest=LARGEST, ratio=_RATIO) as archive:
        held = [member.filename.removesuffix(".npy") for member in archive.infolist()]
    several = [name.removeprefix("x_train") for name in held if name.startswith("x_train.")]
    return several if several and "x_train" not in held else [""]


def _inputs(arrays: Mapping[str, NDArray[Any]], part: str, names: Sequence[str]) -> Inputs:
    found = tuple(samples(arrays[part + name], part + name) for name in names)
    if names == [""]:
        return found[0]
    counts = {len(x) for x in found}
    if len(counts) > 1:
        told = ", ".join(f"{part}{name} {len(x)}" for name, x in zip(names, found, strict=True))
        raise BadData(f"Every input needs as many samples: {told}.")
    return Several(found, tuple(name.removeprefix(".") for name in names))


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


def samples(x: NDArray[Any], name: str) -> NDArray[Any]:
    """An array of samples as float32; integers wider than a byte as int64: they may be tokens.

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
    if x.dtype.kind in "iu" and x.dtype.itemsize > 1:
        if x.dtype.kind == "u" and x.max() > np.iinfo(np.int64).max:
            raise BadData(f'The array "{name}" goes up to {x.max()}; whole numbers below 2^63 are taken.')
        return x.astype(np.int64)
    with np.errstate(over="ignore"):
        ready = x.astype(np.float32)
    bad = ~np.isfinite(ready).reshape(len(ready), -1).all(axis=1)
    if bad.any():
        raise NotFinite(
            f'The array "{name}" has NaN, infinite or too large values in {int(bad.sum())} of {len(ready)} samples, '
            f"the first at index {int(bad.argmax())}. Fill or drop them."
        )
    return ready


def _kind(shapes: tuple[tuple[int, ...], ...]) -> str:
    if len(shapes) > 1:
        return "several"
    if len(shapes[0]) == 1:
        return "table"
    return "series" if len(shapes[0]) == 2 and min(shapes[0]) <= MOST_CHANNELS else "picture"
