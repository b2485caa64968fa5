"""What a network takes: one array, or several side by side.

A network with one input takes a numpy array, first axis the samples. One with several takes :class:`Several`, which
is indexed, counted and joined like one array, so that whoever only deals out samples need not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Several:
    """One array per input, in the network's order, all with as many samples.

    Args:
        arrays: First axis the samples.
        names: What the data set calls them (``x_train.<name>``), in the same order.
    """

    arrays: tuple[NDArray[Any], ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, rows: Any) -> "Several":
        return Several(tuple(array[rows] for array in self.arrays), self.names)


#: One array, or one for each input. Integers (tokens) stay integers; everything else is float32.
Inputs: TypeAlias = NDArray[Any] | Several


def arrays_of(x: Inputs) -> tuple[NDArray[Any], ...]:
    """The arrays, one for each input."""
    return x.arrays if isinstance(x, Several) else (x,)


def with_arrays(x: Inputs, arrays: Sequence[NDArray[Any]]) -> Inputs:
    """The same inputs with other arrays."""
    return Several(tuple(arrays), x.names) if isinstance(x, Several) else arrays[0]


def sample_shapes(x: Inputs) -> tuple[tuple[int, ...], ...]:
    """One sample's shape for each input."""
    return tuple(tuple(array.shape[1:]) for array in arrays_of(x))


def joined(parts: Sequence[Inputs]) -> Inputs:
    """Batches one after the other as one."""
    columns = zip(*(arrays_of(part) for part in parts), strict=True)
    return with_arrays(parts[0], [np.concatenate(column) for column in columns])
