"""ONNX files in 8-bit integers, by ONNX Runtime's static quantisation."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from core import temporary
from core.artefacts import write_bytes
from core.backends._base import LoadedModel
from core.errors import BadModel, first_line
from core.inputs import Inputs, arrays_of
from core.int8.tensors import Tensor
from core.runtimes._files import matched
from core.runtimes.onnxruntime import failures, session

#: Operations that are products with weights. What lies between them stays float32.
_PRODUCTS = ("Conv", "MatMul", "Gemm")
#: Samples whose activations are looked at together.
_BATCH = 32


def quantised(model: LoadedModel, path: Path, samples: Inputs) -> Path:
    """Write the network as ONNX with 8-bit products, quantise-dequantise pairs around each (QDQ).

    Weights are symmetric with one scale for each output channel, so that a zero is the integer 0; activations have the
    range they take on the samples (Jacob et al. 2018, arXiv:1712.05877, section 2.1).

    Raises:
        BadModel: The network cannot be written as ONNX, or ONNX Runtime cannot quantise it.
        Unavailable: The disk is full or not writable.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    refusals: tuple[type[Exception], ...] = (*failures(), KeyError, AssertionError)
    with temporary.folder("int8") as folder:
        whole = model.write("onnx", folder / "whole.onnx")
        small = folder / "small.onnx"
        try:
            with _quiet():
                quantize_static(
                    whole,
                    small,
                    _Reader(model, whole, samples),
                    quant_format=QuantFormat.QDQ,
                    op_types_to_quantize=list(_PRODUCTS),
                    per_channel=True,
                    activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8,
                    calibrate_method=CalibrationMethod.MinMax,
                    extra_options={"WeightSymmetric": True, "MatMulConstBOnly": True},
                )
        except refusals as err:
            raise BadModel(f"ONNX Runtime cannot quantise the network: {first_line(err)}") from err
        return write_bytes(path, small.read_bytes())


def tensors(path: Path) -> list[Tensor]:
    """Every array of numbers with two or more axes in a file, those in 8 bits with their integers."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found, packed = [], set()
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in stored and stored[node.input[0]].ndim > 1:
            packed.add(node.input[0])
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            zero = stored[node.input[2]] if len(node.input) > 2 else np.int8(0)
            whole = stored[node.input[0]]
            found.append(Tensor.of(whole, stored[node.input[1]], zero, axis))
    rest = (array for name, array in stored.items() if name not in packed)
    return found + [Tensor(array) for array in rest if array.dtype == np.float32 and array.ndim > 1]


class _Reader:
    """Deals out calibration samples, as ONNX Runtime asks for them."""

    def __init__(self, model: LoadedModel, file: Path, samples: Inputs) -> None:
        entries = session(file, 1).get_inputs()
        kinds = {one.name: kind_of(one.type) for one in entries}
        dealt = batches(samples, _BATCH, fixed_batch(entries))
        self._batches = iter([matched(batch, model.input_names, kinds) for batch in dealt])

    def get_next(self) -> Mapping[str, Any] | None:
        """The next batch by input, None after the last."""
        return next(self._batches, None)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return self._batches


def fixed_batch(entries: Any) -> int | None:
    """How many samples a session takes at once, None where any number."""
    return next((one.shape[0] for one in entries if one.shape and isinstance(one.shape[0], int)), None)


def batches(x: Inputs, most: int, fixed: int | None) -> Iterator[Inputs]:
    """The samples in turn; where exactly so many are taken at once, the last one fills the last batch up."""
    count, size = len(arrays_of(x)[0]), fixed or most
    for start in range(0, count, size):
        rows = np.arange(start, start + size)
        yield x[np.minimum(rows, count - 1)] if fixed else x[start : start + size]


def kind_of(type_name: str) -> str:
    """``tensor(float)`` as numpy calls it."""
    inner = type_name.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(inner, inner)


@contextmanager
def _quiet() -> Iterator[None]:
    """Advice to people who write ONNX by hand."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
