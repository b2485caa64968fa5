"""The only seam to a framework: numpy in, numpy out.

``LoadedModel`` is one loaded network. A preview never changes it: masks are arguments, and one model is shared by
many people and threads. What changes a network (``masked``, ``cut``, a ``Trainer``) works on a copy of its own.

Batches are numpy arrays, first axis the samples, ``float32`` in the framework's own axis order. Labels are ``int64``.
Masks are given by array name (``layer.role``) as booleans of the canonical shape; arrays without one are whole.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.graph import Graph
from core.masks import Mask
from core.plan import Recovery

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Masks = Mapping[str, Mask]
#: ``(array name, axis) -> kept indices``, sorted ascending, at least one.
Cuts = Mapping[tuple[str, int], NDArray[np.int64]]
#: Called after every batch with (batches done, batches in all); may raise ``Cancelled`` or ``Superseded``.
Poll = Callable[[int, int], None]


def no_poll(done: int, total: int) -> None:
    """A poll that lets the work go on."""


@dataclass(frozen=True)
class EpochResult:
    """What one epoch of training gave, over the training samples it saw (training mode, masks on)."""

    loss: float
    accuracy: float
    samples: int
    seconds: float


class Trainer(ABC):
    """Fine-tunes its own copy of a model under masks.

    Masked entries are zero after every optimiser step and receive no update, momentum or weight decay.
    The order of samples and everything random in epoch *e* depends on ``(seed, e)`` only, so that training continued
    from :meth:`save` gives bit for bit the weights of an unbroken run on the same machine.
    Loss is cross-entropy for the model's output kind, computed stably (from logits where the model gives them;
    probabilities are clipped at 1e-7).
    """

    @abstractmethod
    def epoch(self, x: Floats, y: Labels, number: int, learning_rate: float, poll: Poll = no_poll) -> EpochResult:
        """Train one epoch; ``number`` counts from 0 over the whole run."""

    @abstractmethod
    def set_masks(self, masks: Masks) -> None:
        """Replace the masks; entries newly masked become zero at once. The optimiser's state is kept, masked too."""

    @abstractmethod
    def model(self) -> "LoadedModel":
        """The network as it is now, zeros baked in: a view for measuring, valid until training goes on."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write weights and optimiser state to one safetensors file, atomically."""

    @abstractmethod
    def load(self, path: Path) -> None:
        """Go on from what :meth:`save` wrote."""


class LoadedModel(ABC):
    """One loaded network. Never changed by a preview."""

    #: "pytorch" or "keras".
    framework: str
    #: One of ``core.plan.OUTPUTS``, as recognised or as told. May be assigned with :meth:`with_output` only.
    output: str
    #: One sample's shape per input, in the framework's own axis order; None where any size is taken.
    input_shapes: tuple[tuple[int | None, ...], ...]
    #: Classes the output tells apart; one sigmoid unit counts as two.
    classes: int
    #: Sentences for the person: what was found odd while loading
    #: ("takes a batch of exactly 1: viewed and masked only").
    notes: tuple[str, ...]
    #: Whether training and cutting work; if not, a note says why.
    trainable: bool

    @abstractmethod
    def graph(self) -> Graph:
        """The neutral operation graph. Made once, then remembered."""

    @abstractmethod
    def arrays(self) -> Mapping[str, Floats]:
        """Every parameter and running statistic by ``layer.role``, canonical order, read-only, without copying
        wherever the framework allows (a Keras kernel is a transposed view)."""

    @abstractmethod
    def predict(self, x: Floats, masks: Masks | None = None, batch_size: int = 256, poll: Poll = no_poll) -> Floats:
        """The network's raw outputs in evaluation mode, ``(samples, …)``.

        A mask on a layer normalisation's ``scale`` makes it normalise over the kept channels only.
        Safe to call from several threads at once.
        """

    @abstractmethod
    def gradients(
        self, batches: Iterator[tuple[Floats, Labels]], masks: Masks | None = None
    ) -> Iterator[dict[str, Floats]]:
        """Per batch the gradient of the mean loss by array name, canonical order, evaluation mode.

        Trained parameters only (no running statistics). The caller may keep what it gets.
        """

    @abstractmethod
    def trainer(self, recovery: Recovery, masks: Masks, seed: int) -> Trainer:
        """A trainer on a copy of this model."""

    @abstractmethod
    def masked(self, masks: Masks) -> "LoadedModel":
        """A copy with the zeros baked in."""

    @abstractmethod
    def cut(self, cuts: Cuts) -> "LoadedModel":
        """A smaller copy: of each named array's axis only the given indices stay.

        Every array that shares the removed channels is named in ``cuts`` (``core.groups`` makes them), so the result
        is consistent; shapes written into reshapes are mended. Ends with a forward pass on one zero sample.

        Raises:
            BadModel: The framework's objects cannot be cut as asked.
        """

    @abstractmethod
    def with_output(self, output: str) -> "LoadedModel":
        """The same network (weights shared), its output read as told (``core.plan.OUTPUTS``)."""

    @abstractmethod
    def save(self, path: Path) -> Path:
        """Write the network so that the plain framework opens it, atomically. Returns the file, with its suffix."""

    @abstractmethod
    def snippet(self, file_name: str) -> str:
        """Python that opens the saved file in the plain framework and predicts.

        ``x`` is a numpy batch, ``y`` the outputs. It is run as it stands by *Export*: ``x`` is defined before it,
        ``y`` (numpy) is read after it.
        """


class Backend(ABC):
    """Opens files of one framework."""

    #: "pytorch" or "keras".
    name: str
    #: What a person calls it: "PyTorch", "Keras".
    title: str
    #: File suffixes it opens, lower case with dot.
    suffixes: tuple[str, ...]
    #: Suffix of what :meth:`LoadedModel.save` writes.
    saves: str

    @abstractmethod
    def vet(self, path: Path) -> None:
        """Look at a file without the framework, under size and ratio limits, executing nothing.

        Imports no framework: the server and the command line may call it.

        Raises:
            RefusedFile: One sentence: why, and what to do instead.
        """

    @abstractmethod
    def load(self, path: Path, architecture: str | None = None) -> LoadedModel:
        """Vet and open a file.

        Args:
            path: The file.
            architecture: For bare weights: a sample's name, ``FILE.py:CALLABLE`` or ``package.module:callable``.
                Code is run only for those two last forms, which only an operator can give.

        Raises:
            RefusedFile: The file is unsafe, damaged or not ours.
            NeedsArchitecture: Bare weights without ``architecture``, or of other shapes.
            BadModel: It opened but cannot be worked with.
        """

    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """Versions, device and threads, for recipes and reports."""
