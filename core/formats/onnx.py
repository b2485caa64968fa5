"""ONNX."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends import onnx_files
from core.backends._base import LoadedModel
from core.formats._base import Format, by_name


class Onnx(Format):
    """One file that ONNX Runtime and many others open."""

    name = "onnx"
    title = "ONNX"
    suffix = ".onnx"
    about = "Opens in ONNX Runtime, on servers, phones and in browsers."
    package = "onnxruntime"

    def snippet(self, model: LoadedModel, file_name: str) -> str:
        return (
            "import onnxruntime\n"
            "\n"
            f'session = onnxruntime.InferenceSession("{file_name}", providers=["CPUExecutionProvider"])\n'
            f"y = session.run(None, {by_name(model)})[0]\n"
        )

    def constants(self, model: LoadedModel, path: Path) -> Iterable[np.ndarray[Any, Any]]:
        return onnx_files.constants(path)
