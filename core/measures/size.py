"""Bytes: dense, zipped and sparse, and how many parameters are left.

* dense: the weights as one safetensors file.
* zipped: that file deflated at level 6, zeros in place. Above ``exact`` bytes estimated from evenly spread blocks.
* sparse: per array a bit mask and the non-zero values as safetensors, or the array itself where that is smaller
  (:func:`sparse_tensors` makes the very tensors that are counted).
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from core.graph import KERNEL_ROLES
from core.masks import Mask
from core.measures.macs import nonzero

#: Running statistics are saved but not trained: they count as bytes, not as parameters.
STATISTICS = ("mean", "variance")
#: Bytes deflated in one go, and the grain in which a large file is sampled: the window of deflate.
BLOCK = 1 << 15

Floats = NDArray[np.float32]
#: Name, safetensors type, shape, bytes.
Tensor = tuple[str, str, tuple[int, ...], int]


def trained(names: Iterable[str]) -> list[str]:
    """Of arrays those that are trained: all but the statistics of normalisation."""
    return [name for name in names if _role(name) not in STATISTICS]


@dataclass(frozen=True)
class Sizes:
    """``parameters`` and ``nonzero`` count what is trained; the ``kernels`` only what is prunable."""

    parameters: int
    nonzero: int
    kernels: int
    kernels_nonzero: int
    dense_bytes: int
    zipped_bytes: int | None
    sparse_bytes: int
    zipped_estimated: bool = False


def sizes(
    arrays: Mapping[str, Floats],
    masks: Mapping[str, Mask] | None = None,
    *,
    zipped: bool = True,
    exact: int = 64 << 20,
) -> Sizes:
    """What the arrays weigh under the masks.

    Args:
        arrays: By ``layer.role``, canonical order.
        masks: By the same names; arrays without one are whole.
        zipped: Whether to deflate, the one slow part (about 25 MB/s).
        exact: Files up to so many bytes are deflated whole; of larger ones blocks adding up to about a quarter of it.
    """
    masks = masks or {}
    left = {name: nonzero(array, masks.get(name)) for name, array in arrays.items()}
    kernels = [name for name in arrays if _role(name) in KERNEL_ROLES]
    dense = dense_bytes({name: array.shape for name, array in arrays.items()})
    estimated = zipped and dense > exact
    return Sizes(
        parameters=sum(arrays[name].size for name in trained(arrays)),
        nonzero=sum(left[name] for name in trained(arrays)),
        kernels=sum(arrays[name].size for name in kernels),
        kernels_nonzero=sum(left[name] for name in kernels),
        dense_bytes=dense,
        zipped_bytes=zipped_bytes(arrays, masks, exact=exact) if zipped else None,
        sparse_bytes=sparse_bytes({name: (array.shape, left[name]) for name, array in arrays.items()}),
        zipped_estimated=estimated,
    )


def dense_bytes(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Bytes of float32 arrays of these shapes as one safetensors file."""
    return _file_bytes([(name, "F32", shape, 4 * prod(shape)) for name, shape in shapes.items()])


def sparse_bytes(arrays: Mapping[str, tuple[tuple[int, ...], int]]) -> int:
    """Bytes of the file of :func:`sparse_tensors`, from shapes and numbers of non-zero values."""
    tensors: list[Tensor] = []
    shapes = {}
    for name, (shape, left) in arrays.items():
        size = prod(shape)
        if _is_sparse(size, left):
            shapes[name] = list(shape)
            tensors.append((f"{name}:bits", "U8", (-(-size // 8),), -(-size // 8)))
            tensors.append((f"{name}:values", "F32", (left,), 4 * left))
        else:
            tensors.append((name, "F32", shape, 4 * size))
    return _file_bytes(tensors, {"shapes": json.dumps(shapes)})


def sparse_tensors(
    arrays: Mapping[str, Floats], masks: Mapping[str, Mask] | None = None
) -> tuple[dict[str, NDArray[np.generic]], dict[str, str]]:
    """The tensors and the metadata of the sparse file.

    ``NAME:bits`` has a bit per entry (canonical order, first entry highest), ``NAME:values`` the non-zero values;
    ``json.loads(metadata["shapes"])[NAME]`` is the shape. Arrays that would not shrink are stored as they are.
    """
    masks = masks or {}
    tensors: dict[str, NDArray[np.generic]] = {}
    shapes = {}
    for name, array in arrays.items():
        mask = masks.get(name)
        whole = array if mask is None else np.where(mask.kept, array, np.float32(0))
        there = np.ascontiguousarray(whole).reshape(-1) != 0
        if _is_sparse(array.size, int(np.count_nonzero(there))):
            shapes[name] = list(array.shape)
            tensors[f"{name}:bits"] = np.packbits(there)
            tensors[f"{name}:values"] = np.ascontiguousarray(whole).reshape(-1)[there]
        else:
            tensors[name] = np.ascontiguousarray(whole)
    return tensors, {"shapes": json.dumps(shapes)}


def from_sparse(tensors: Mapping[str, NDArray[np.generic]], metadata: Mapping[str, str]) -> dict[str, Floats]:
    """The arrays that :func:`sparse_tensors` took apart, zeros in place."""
    found = {name: np.asarray(t, np.float32) for name, t in tensors.items() if ":" not in name}
    for name, shape in json.loads(metadata["shapes"]).items():
        flat = np.zeros(prod(shape), np.float32)
        bits = np.unpackbits(np.asarray(tensors[f"{name}:bits"], np.uint8), count=flat.size).astype(np.bool_)
        flat[bits] = tensors[f"{name}:values"]
        found[name] = flat.reshape(shape)
    return found


def zipped_bytes(arrays: Mapping[str, Floats], masks: Mapping[str, Mask], *, exact: int) -> int:
    """Bytes of the dense file, zeros in place, after deflate at level 6; above ``exact`` from blocks spread evenly."""
    tensors = [(name, "F32", array.shape, 4 * array.size) for name, array in arrays.items()]
    data = sum(size for *_, size in tensors)
    stride = 1 if data <= exact else max(1, round(4 * data / exact))
    packer = zlib.compressobj(6)
    seen = 0
    out = len(packer.compress(_header(tensors)))
    for number, block in enumerate(_blocks(arrays, masks)):
        if number % stride == 0:
            raw = block().tobytes()
            seen += len(raw)
            out += len(packer.compress(raw))
    out += len(packer.flush())
    return out if seen == data else round(out * data / max(seen, 1))


class _Block:
    """A stretch of one array with its zeros, made only when it is asked for."""

    def __init__(self, array: Floats, mask: Mask | None, rows: slice) -> None:
        self.array, self.mask, self.rows = array, mask, rows

    def __call__(self) -> Floats:
        part = self.array[self.rows]
        whole = part if self.mask is None else np.where(self.mask.kept[self.rows], part, np.float32(0))
        return np.ascontiguousarray(whole, np.float32)


def _blocks(arrays: Mapping[str, Floats], masks: Mapping[str, Mask]) -> Iterator[_Block]:
    for name, array in sorted(arrays.items()):
        step = max(1, BLOCK // 4 // max(1, prod(array.shape[1:])))
        for start in range(0, array.shape[0], step):
            yield _Block(array, masks.get(name), slice(start, start + step))


def _role(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _is_sparse(size: int, left: int) -> bool:
    # A second tensor costs about 90 bytes of header.
    return size / 8 + 4 * left + 90 < 4 * size


def _file_bytes(tensors: list[Tensor], metadata: Mapping[str, str] | None = None) -> int:
    """Exact bytes of a safetensors file."""
    return len(_header(tensors, metadata)) + sum(size for *_, size in tensors)


def _header(tensors: list[Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """The beginning of a safetensors file: eight bytes of length, then JSON padded to a multiple of eight.

    Tensors lie by descending alignment, then by name, as the library orders them.
    """
    width = {"F32": 4, "U8": 1}
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, dtype, shape, size in sorted(tensors, key=lambda t: (-width[t[1]], t[0])):
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
