"""LiteRT files, read back."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.int8.tensors import Tensor


def tensors(path: Path) -> list[Tensor]:
    """Every array of numbers with two or more axes in a file, those in 8 bits with their integers."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    opened = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    made = []
    for one in opened.get_tensor_details():
        if len(one["shape"]) < 2 or one["dtype"] not in (np.int8, np.float32):
            continue
        try:
            array = opened.get_tensor(one["index"])
        except ValueError:  # nothing in it before the network runs: no constant
            continue
        made.append(_tensor(array, one["quantization_parameters"]))
    return made


def _tensor(array: NDArray[Any], told: dict[str, Any]) -> Tensor:
    """In the canonical order: LiteRT keeps convolutions as (out, *window, in), depthwise ones as (1, *window, out)."""
    scales, zeros, axis = told["scales"], told["zero_points"], int(told["quantized_dimension"])
    found = Tensor(array)
    if array.dtype == np.int8 and len(scales):
        found = Tensor.of(array, scales, zeros if len(zeros) else np.int8(0), axis)
    if array.ndim < 3:
        return found
    depthwise = len(array) == 1 and axis == array.ndim - 1 and len(scales) == array.shape[-1]
    place = 0 if depthwise else 1
    integers = found.integers
    return Tensor(np.moveaxis(found.values, -1, place), None if integers is None else np.moveaxis(integers, -1, place))
