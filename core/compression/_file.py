"""``compressed.safetensors``: all arrays as small as they get, and the loader that reads them without this project.

Metadata: ``json.loads(metadata["packed"])[NAME]`` is ``[shape, gaps, codes]``, the numbers of symbols; 0 where an array
has no such stream. An array that is not named there is a tensor as it stands. Of one that is there are

==================  ===================================================================================
``NAME:gaps``       how many zeros lie before each entry that is there, as prefix codes; the last symbol of
                    the alphabet stands for that many zeros without an entry (Han et al. 2016, figure 2)
``NAME:gap_bits``   bits of each of its symbols' codes
``NAME:values``     float32 or float16; with a book its indices as prefix codes
``NAME:value_bits`` bits of each index' code
``NAME:book``       float32, float16 or int8
``NAME:scale``      float32, one factor for each output channel
==================  ===================================================================================
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from core import artefacts
from core.backends._base import Floats
from core.compression import _loader
from core.compression._base import Compressed, Kept
from core.compression._huffman import bits, huffman, packed, uniform
from core.errors import Unavailable

Tensors = dict[str, NDArray[Any]]
Packed = tuple[Tensors, tuple[int, int]]
#: Alphabets that distances are tried in: the longest distance of one symbol is one less.
_ALPHABETS = (2, 4, 8, 16, 32, 64, 128, 256)
#: Bytes that one more tensor costs in the file's header.
_HEADER = 85


def content(compressed: Compressed) -> bytes:
    """The file of a network."""
    tensors: Tensors = {}
    told: dict[str, Any] = {}
    for name, array in compressed.model.arrays().items():
        made = _smallest(compressed.kept.get(name) or _whole(array), compressed.coded)
        if made is None:
            tensors[name] = np.ascontiguousarray(array, np.float32)
            continue
        parts, (gaps, codes) = made
        tensors |= {f"{name}:{part}": np.ascontiguousarray(tensor) for part, tensor in parts.items()}
        told[name] = [list(array.shape), gaps, codes]
    return save(tensors, {"packed": json.dumps(told, separators=(",", ":"))})


def write(path: Path, compressed: Compressed) -> Path:
    """Write the file, atomically, and read it again as anybody would.

    Raises:
        Unavailable: The disk is full, or gave back something else than was written.
    """
    artefacts.write_bytes(path, content(compressed))
    found, arrays = read(path), compressed.model.arrays()
    if found.keys() != arrays.keys() or not all(_same(found[name], arrays[name]) for name in arrays):
        raise Unavailable(f'"{path}" does not read back as it was written. Try again, on another disk if need be.')
    return path


def _same(found: Floats, array: Floats) -> bool:
    return np.array_equal(found, np.asarray(array, np.float32))


def read(path: Path) -> Mapping[str, Floats]:
    """All arrays of the file."""
    arrays: Mapping[str, Floats] = _loader.load(path)
    return arrays


def snippet(file_name: str) -> str:
    """Python that reads the file in a process that knows nothing of this project: ``arrays`` by name."""
    loader = Path(_loader.__file__).read_text(encoding="utf-8").partition('"""\n\n')[2]
    return f'{loader.replace("  # noqa: SIM118", "")}\n\narrays = load("{file_name}")\n'


def _whole(array: Floats) -> Kept:
    there = array != 0
    return Kept(there, array[there].astype(np.float32, copy=False))


def _smallest(kept: Kept, coded: bool) -> Packed | None:
    """The tensors of one array as few bytes as they come to; None where it is smaller as it stands."""
    made = _packed(kept, coded)
    plain = kept.values.dtype == np.float32 and kept.book is None
    if plain:
        return made if _bytes(made) < 4 * kept.there.size + _HEADER else None
    share = len(kept.values) / max(1, kept.there.size)
    return min(made, _packed(_filled(kept), coded), key=_bytes) if 0.5 < share < 1 else made


def _bytes(made: Packed) -> int:
    return sum(part.nbytes + _HEADER for part in made[0].values())


def _filled(kept: Kept) -> Kept:
    """The same with its zeros as entries of value 0: where they are few, saying where they are costs more."""
    there = np.ones(kept.there.shape, np.bool_)
    if kept.book is None:
        values = np.zeros(there.shape, kept.values.dtype)
        values[kept.there] = kept.values
        return Kept(there, values.reshape(-1))
    codes = np.full(there.shape, len(kept.book), np.uint16)
    codes[kept.there] = kept.values
    return Kept(there, codes.reshape(-1), np.append(kept.book, kept.book.dtype.type(0)), kept.scale)


def _packed(kept: Kept, coded: bool) -> Packed:
    """The tensors of one array, and the lengths of its two streams."""
    parts, gaps, codes = _positions(kept.there, coded), 0, 0
    if parts:
        gaps = int(parts.pop("symbols"))
    values: NDArray[Any] = kept.values
    if kept.book is not None and len(values):
        codes, book = len(values), kept.book
        lengths = huffman(np.bincount(values, minlength=len(book))) if coded else uniform(len(book))
        parts |= {"book": book, "value_bits": lengths}
        values = packed(values, lengths)
    parts["values"] = values if len(kept.values) else np.zeros(0, np.float32)
    if kept.scale is not None:
        parts["scale"] = kept.scale
    return parts, (gaps, codes)


def _positions(there: NDArray[np.bool_], coded: bool) -> Tensors:
    """Where the entries are; nothing where all are there."""
    places = np.flatnonzero(there)
    if len(places) == there.size:
        return {}
    gaps = np.diff(places, prepend=-1) - 1
    best: tuple[int, NDArray[np.uint16], NDArray[np.uint8]] | None = None
    for size in _ALPHABETS:
        found = _symbols(gaps, size - 1)
        counts = np.bincount(found, minlength=size)
        lengths = huffman(counts) if coded else uniform(size)
        cost = bits(counts, lengths) + 8 * size
        if best is None or cost < best[0]:
            best = cost, found, lengths
    assert best is not None  # there are alphabets
    _, found, lengths = best
    return {"gaps": packed(found, lengths), "gap_bits": lengths, "symbols": np.array(len(found))}


def _symbols(gaps: NDArray[np.int64], filler: int) -> NDArray[np.uint16]:
    """Each distance as so many fillers (``filler`` zeros each) and what is left of it."""
    fillers = gaps // filler
    ends = np.cumsum(fillers + 1) - 1
    found = np.full(int(ends[-1]) + 1 if len(ends) else 1, filler, np.uint16)  # nothing there: one filler says so
    found[ends] = gaps % filler
    return found
