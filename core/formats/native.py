"""The framework's own file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends import backend
from core.backends._base import LoadedModel
from core.formats._base import Format
from core.inputs import Inputs


class Native(Format):
    """``.pt2`` or ``.keras``."""

    name = "native"
    title = "Native"
    suffix = ""
    about = "The framework's own file: .pt2 for PyTorch, .keras for Keras."

    def write(self, model: LoadedModel, folder: Path, stem: str, samples: Inputs | None = None) -> Path:
        return model.save(folder / f"{stem}{backend(model.framework).saves}")

    def snippet(self, model: LoadedModel, file_name: str) -> str:
        return model.snippet(file_name)

    def constants(self, model: LoadedModel, path: Path) -> Iterable[np.ndarray[Any, Any]]:
        return backend(model.framework).load(path).arrays().values()
