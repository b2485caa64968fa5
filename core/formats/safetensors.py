"""A state dict as safetensors, and what rebuilds the network around it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import LoadedModel
from core.formats._base import Format


class Safetensors(Format):
    """Weights and architecture, without pickle."""

    name = "safetensors"
    title = "safetensors"
    suffix = "-safetensors"
    frameworks = ("pytorch",)
    about = "State dict, architecture as JSON, and a short loader in plain PyTorch: no pickle, trains on."
    package = "safetensors"
    elsewhere = "Keras' own file holds no pickle as it is: take .keras."

    def snippet(self, model: LoadedModel, file_name: str) -> str:
        return rebuilt(model, file_name)

    def constants(self, model: LoadedModel, path: Path) -> Iterable[np.ndarray[Any, Any]]:
        from safetensors.numpy import load_file

        return load_file(path / "weights.safetensors").values()


def rebuilt(model: LoadedModel, folder: str) -> str:
    """The native file's lines with the folder's own ``load.py`` in the place of the framework's loader."""
    loads = f'model = runpy.run_path("{folder}/load.py")["load"]("{folder}")'
    lines = [loads if line.startswith("model = ") else line for line in model.snippet(folder).splitlines()]
    return "\n".join(["import runpy", *lines, ""])
