"""ONNX in 8-bit integers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends import onnx_files
from core.backends._base import LoadedModel
from core.errors import BadSetting
from core.formats._base import Format
from core.formats.onnx import Onnx
from core.inputs import Inputs


class OnnxInt8(Format):
    """ONNX Runtime's static quantisation: products in 8 bits between quantise and dequantise nodes."""

    name = "onnx-int8"
    title = "ONNX, 8-bit"
    suffix = ".int8.onnx"
    about = "Weights and activations of convolutions and dense layers as 8-bit integers, calibrated on samples."
    package = "onnxruntime"
    quantised = True

    def refuses(self, model: LoadedModel) -> str:
        return onnx_files.missing("onnxruntime") or Onnx().refuses(model)

    def write(self, model: LoadedModel, folder: Path, stem: str, samples: Inputs | None = None) -> Path:
        from core.int8.onnx_file import quantised

        if samples is None:
            raise BadSetting("8-bit activations are calibrated on samples; choose a data set.")
        return quantised(model, folder / f"{stem}{self.suffix}", samples)

    def snippet(self, model: LoadedModel, file_name: str) -> str:
        return Onnx().snippet(model, file_name)

    def constants(self, model: LoadedModel, path: Path) -> Iterable[np.ndarray[Any, Any]]:
        return onnx_files.constants(path)

    def notes(self, model: LoadedModel, path: Path) -> tuple[str, ...]:
        from core.int8 import read
        from core.int8.layers import became, told

        return told(became(model, read(path)))
