"""PyTorch behind the seam. Importing this imports no framework; opening a file does."""

from collections.abc import Mapping
from pathlib import Path

from core.backends._base import Backend, LoadedModel
from core.backends.pytorch.vetting import vet


class PyTorch(Backend):
    """Opens exported programs (``.pt2``), ONNX networks, Hugging Face folders and, with an architecture, weights."""

    name = "pytorch"
    title = "PyTorch"
    suffixes = (".pt2", ".onnx", ".zip", ".safetensors", ".pt", ".pth")
    bare = (".safetensors", ".pt", ".pth")
    foreign = (".zip",)
    saves = ".pt2"

    def vet(self, path: Path) -> None:
        vet(path)

    def load(self, path: Path, architecture: str | None = None) -> LoadedModel:
        from core.backends.pytorch.loading import load

        return load(path, architecture)

    def environment(self) -> Mapping[str, str]:
        from core.backends.pytorch.device import environment

        return environment()


BACKEND = PyTorch()
