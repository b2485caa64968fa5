"""Networks whose weights and activations are 8-bit integers in another runtime's file: made, read back, run."""

from pathlib import Path

from core.int8.tensors import Tensor


def read(path: Path) -> list[Tensor]:
    """Every array of numbers with two or more axes in an ONNX or LiteRT file, those in 8 bits with their integers."""
    from core.int8 import litert_file, onnx_file

    return onnx_file.tensors(path) if path.suffix == ".onnx" else litert_file.tensors(path)
