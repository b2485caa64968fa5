"""A layer as a picture: its weights as a matrix of at most 256 x 256 blocks, its filters one by one."""

from math import prod

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
#: Blocks along either side of a picture.
LARGEST = 256
#: Filters shown of one layer, and inputs shown of each.
FILTERS = 64
FILTER_INPUTS = 16


def matrix(values: Values, largest: int = LARGEST) -> Values:
    """A kernel as ``(out, everything else)``, reduced to blocks: of each the weight with the largest magnitude.

    Signs stay, so that a block is the weight that matters most in it.
    """
    flat = values.reshape(values.shape[0], -1)
    high, low = _blocks(flat, largest, np.maximum), _blocks(flat, largest, np.minimum)
    return np.where(high >= -low, high, low).astype(np.float32)


def share(kept: NDArray[np.bool_], largest: int = LARGEST) -> Values:
    """The share kept in each block of :func:`matrix`, in [0, 1]."""
    flat = kept.reshape(kept.shape[0], -1)
    total = _blocks(flat, largest, np.add, np.float32)
    rows, columns = (np.diff(_starts(size, largest), append=size) for size in flat.shape)
    return np.asarray(total / np.outer(rows, columns), np.float32)


def filters(kernel: Values) -> Values | None:
    """The windows of a convolution as ``(count, height, width)``, by output, then by input; None for a matrix.

    At most 64 outputs with 16 inputs each. A one-dimensional window is one row high.
    """
    if kernel.ndim < 3 or prod(kernel.shape[2:]) == 1:
        return None
    part = kernel[:FILTERS, :FILTER_INPUTS]
    height = kernel.shape[2] if kernel.ndim > 3 else 1
    return np.ascontiguousarray(part.reshape(-1, height, kernel.shape[-1]), np.float32)


def _starts(size: int, largest: int) -> NDArray[np.intp]:
    return np.asarray(np.arange(min(size, largest), dtype=np.int64) * size // min(size, largest), np.intp)


def _blocks(flat: NDArray[np.generic], largest: int, reduce: np.ufunc, dtype: type | None = None) -> Values:
    rows, columns = (_starts(size, largest) for size in flat.shape)
    if dtype is not None and len(columns) < flat.shape[1]:
        flat = flat.astype(dtype)
    wide = reduce.reduceat(flat, columns, axis=1, dtype=dtype) if len(columns) < flat.shape[1] else flat
    return np.asarray(reduce.reduceat(wide, rows, axis=0, dtype=dtype) if len(rows) < flat.shape[0] else wide)
