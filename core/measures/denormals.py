"""Numbers so small that they have lost digits: processors compute with them up to a hundred times slower."""

from collections.abc import Mapping

import numpy as np

from core.backends._base import Floats

#: The smallest normal number in single precision.
SMALLEST = float(np.finfo(np.float32).tiny)


def denormals(arrays: Mapping[str, Floats]) -> int:
    """Entries that are not zero and nearer to it than any normal number."""
    return sum(int(np.count_nonzero((array != 0) & (np.abs(array) < SMALLEST))) for array in arrays.values())
