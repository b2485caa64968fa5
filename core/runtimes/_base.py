"""What every runtime promises: a network made ready, one prediction a call, and nothing left behind."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from core.backends._base import LoadedModel
from core.inputs import Inputs

#: One prediction.
Call = Callable[[], None]


class Ready(ABC):
    """A network in a runtime's hands.

    Attributes:
        threads: How many really compute.
        file: The file it was read from, None where there is none. It lies in the folder that was given.
    """

    threads: int
    file: Path | None = None

    @abstractmethod
    def on(self, x: Inputs) -> Call:
        """One prediction of this batch, inputs converted before."""


class Runtime(ABC):
    """Something that carries networks out. Runtimes hold nothing: one object serves everybody.

    Attributes:
        name: As it is chosen.
        title: What a person calls it.
        about: One sentence.
        zeros: Whether zeros that are scattered save it time.
        flushes: Whether it can be told to take denormals for zero.
        quick: Whether a network is ready within seconds, so that a page may use it unasked.
        loader: Python that defines ``load``, a function of the file's path that gives the loaded network; "" where
            the network is in the memory of this process. It is run in a clean process to see what memory that takes.
    """

    name: str
    title: str
    about: str
    zeros: bool = False
    flushes: bool = True
    quick: bool = True
    loader: str = ""

    @abstractmethod
    def refuses(self, model: LoadedModel) -> str:
        """ "", or one sentence on why this network cannot be carried out here. Looks only."""

    @abstractmethod
    def opened(self, model: LoadedModel, threads: int, folder: Path) -> Ready:
        """The network made ready.

        Args:
            model: The network; not changed.
            threads: How many may compute.
            folder: Empty, for files; it may go when the network is no longer needed.

        Raises:
            Unavailable: A package or the machine does not do it.
            BadModel: The network cannot be had in that runtime.
        """

    def called(self, framework: str) -> str:
        """The title for networks of a framework."""
        return self.title
