"""The framework itself."""

from pathlib import Path

from core.backends._base import LoadedModel
from core.inputs import Inputs
from core.runtimes._base import Call, Ready, Runtime


class Loaded(Ready):
    """A loaded network, called through the seam."""

    def __init__(self, model: LoadedModel, threads: int, compiled: bool) -> None:
        self._model, self.threads, self._compiled = model, threads, compiled

    def on(self, x: Inputs) -> Call:
        return self._model.repeated(x, self.threads, compiled=self._compiled)


class Native(Runtime):
    """PyTorch node by node, or Keras' prediction function."""

    name = "native"
    title = "The framework itself"
    about = "PyTorch eager, or the prediction function that Keras compiles for TensorFlow."

    def refuses(self, model: LoadedModel) -> str:
        return ""

    def opened(self, model: LoadedModel, threads: int, folder: Path) -> Ready:
        return Loaded(model, threads, compiled=False)

    def called(self, framework: str) -> str:
        return framework
