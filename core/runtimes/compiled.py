"""The framework's own compiler."""

from pathlib import Path

from core.backends._base import LoadedModel
from core.runtimes._base import Ready, Runtime
from core.runtimes.native import Loaded


class Compiled(Runtime):
    """``torch.compile``, or XLA for Keras, for the shapes of one batch."""

    name = "compiled"
    title = "Compiled"
    about = "torch.compile, or XLA for Keras; the first prediction of every batch size takes up to minutes."
    quick = False

    def refuses(self, model: LoadedModel) -> str:
        return model.compiles()

    def opened(self, model: LoadedModel, threads: int, folder: Path) -> Ready:
        return Loaded(model, threads, compiled=True)

    def called(self, framework: str) -> str:
        return f"{framework}, compiled"
