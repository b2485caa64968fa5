"""A format is a file (or folder) that another runtime opens, and the lines that open it there.

Whoever adds one writes a small file beside this one and a line in ``__init__.py``. Importing this brings in no
framework and no ``onnx``: what can be written is the network's own affair (:meth:`LoadedModel.write`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import LoadedModel
from core.inputs import Inputs

#: What each framework's people call it.
_TITLES = {"pytorch": "PyTorch", "keras": "Keras"}


class Format(ABC):
    """One format.

    A network is written by :meth:`LoadedModel.write` under the format's name, unless :meth:`write` says otherwise.
    """

    name: str
    title: str
    #: What a file's name ends with, dot and all; of a folder what its name ends with.
    suffix: str
    #: Whose networks can be had in it.
    frameworks: tuple[str, ...] = ("pytorch", "keras")
    #: One sentence.
    about: str
    #: What must be installed to open the file, "" for the framework alone.
    package: str = ""
    #: Whether values are coarser than those of the network.
    quantised: bool = False
    #: One sentence for networks of other frameworks.
    elsewhere: str = ""

    def refuses(self, model: LoadedModel) -> str:
        """Nothing, or one sentence on why this network cannot be had in it here."""
        return self.unsuited(model.framework) or model.formats().get(self.name, "")

    def unsuited(self, framework: str) -> str:
        """Nothing, or one sentence on why no network of the framework can be had in it."""
        if framework in self.frameworks:
            return ""
        owners = " and ".join(_TITLES[name] for name in self.frameworks)
        return self.elsewhere or f"{self.title} is for networks of {owners}."

    def write(self, model: LoadedModel, folder: Path, stem: str, samples: Inputs | None = None) -> Path:
        """Write ``folder/stem`` + suffix, atomically. Returns the file or folder.

        Args:
            model: The network.
            folder: Is there.
            stem: Name without suffix.
            samples: Samples to calibrate with, for formats that are ``quantised``.

        Raises:
            BadModel: It cannot be had; one sentence.
            Unavailable: A package is missing, or the disk is full.
        """
        return model.write(self.name, folder / f"{stem}{self.suffix}")

    @abstractmethod
    def snippet(self, model: LoadedModel, file_name: str) -> str:
        """Python that opens the file and predicts, with nothing of this project.

        ``x`` is a numpy batch as the network takes it (a tuple of them for several inputs); ``y`` the outputs, of
        several the first.
        """

    def constants(self, model: LoadedModel, path: Path) -> Iterable[np.ndarray[Any, Any]] | None:
        """The arrays in the written file, to look for its zeros; None where they cannot be read back."""
        return None

    def notes(self, model: LoadedModel, path: Path) -> tuple[str, ...]:
        """Sentences on what became of the network in the written file, where that is not plain."""
        return ()


def given(model: LoadedModel) -> dict[str, str]:
    """By input the code that gives its array, of the type the network takes."""
    kinds = dict(zip(model.input_names, model.input_types, strict=True))
    if len(kinds) == 1:
        return {name: f'x.astype("{kind}")' for name, kind in kinds.items()}
    return {name: f'x[{place}].astype("{kind}")' for place, (name, kind) in enumerate(kinds.items())}


def by_name(model: LoadedModel) -> str:
    """The same as the text of a dictionary."""
    return "{" + ", ".join(f'"{name}": {code}' for name, code in given(model).items()) + "}"
