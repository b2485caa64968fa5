"""Weights as bit masks and the values that are not zero."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import LoadedModel
from core.formats._base import Format
from core.formats.safetensors import rebuilt


class Sparse(Format):
    """The file in which zeros cost one bit each."""

    name = "sparse"
    title = "Sparse"
    suffix = "-sparse"
    about = "One bit per weight and the values that are not zero, with the loader that puts the zeros back."
    package = "safetensors"

    def snippet(self, model: LoadedModel, file_name: str) -> str:
        return rebuilt(model, file_name)

    def constants(self, model: LoadedModel, path: Path) -> Iterable[np.ndarray[Any, Any]]:
        from safetensors import safe_open
        from safetensors.numpy import load_file

        from core.measures.size import from_sparse

        file = path / "weights.safetensors"
        with safe_open(file, framework="numpy") as opened:
            return from_sparse(load_file(file), opened.metadata()).values()
