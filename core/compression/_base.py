"""A compression makes the weights of a finished network cost fewer bytes, and says what they are when read back.

A method sees the network with the values as they would be read back now, and how the compact file keeps each array. It
gives both anew. Who writes the file, measures and saves is :mod:`core.course`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Extras, Floats, LoadedModel, Poll, no_poll
from core.plan import Compression, Plan

if TYPE_CHECKING:
    from core.datasets import Parts
    from core.measurement import Measurement

#: What is told of a layer: plain values by name ("bits", "values", "error" …).
Facts = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Kept:
    """How the compact file keeps one array: which of its entries are there, and what each of those is.

    An entry that is not there is zero. Of the others the value is ``values`` itself, or, with a ``book``,
    ``book[values]``, times the ``scale`` of its output channel where there is one.

    Attributes:
        there: Booleans of the array's canonical shape.
        values: One for each entry that is there, canonical order: float32 or float16; with a book its indices, uint16.
        book: float32, float16 or int8.
        scale: float32, one for each output channel (axis 0).
    """

    there: NDArray[np.bool_]
    values: NDArray[Any]
    book: NDArray[Any] | None = None
    scale: Floats | None = None

    def restored(self) -> Floats:
        """The array as it is read back, float32."""
        found = self.values if self.book is None else self.book[self.values]
        array = np.zeros(self.there.shape, np.float32)
        array[self.there] = found
        if self.scale is not None:
            array *= self.scale.reshape(-1, *(1 for _ in array.shape[1:]))
        return array


@dataclass(frozen=True)
class Compressed:
    """A network on its way through the steps.

    Attributes:
        model: With the values as they are read back from the compact file, in single precision.
        kept: By array name how that file keeps it; arrays without an entry are kept as float32, their zeros left out.
        coded: Whether the file's whole numbers (codes, distances between non-zeros) have Huffman codes rather than
            codes of one length.
        told: Sentences for the person about the last step.
        layers: By array name what the last step made of it.
        accuracy: On test, of a file that computes otherwise than the network does; None where the network says it.
        file: The format of that file.
    """

    model: LoadedModel
    kept: Mapping[str, Kept] = field(default_factory=dict)
    coded: bool = False
    told: tuple[str, ...] = ()
    layers: Mapping[str, Facts] = field(default_factory=dict)
    accuracy: float | None = None
    file: str = ""

    def keeping(
        self, kept: Mapping[str, Kept], *, told: tuple[str, ...] = (), layers: Mapping[str, Facts]
    ) -> "Compressed":
        """The same network with some arrays kept in another way, and their values as those read back."""
        model = self.model.with_arrays({name: one.restored() for name, one in kept.items()})
        return replace(self, model=model, kept={**self.kept, **kept}, told=told, layers=layers, accuracy=None, file="")

    def becoming(self, model: LoadedModel, *, told: tuple[str, ...] = (), layers: Mapping[str, Facts]) -> "Compressed":
        """Another network. Arrays that kept their name and values stay as compact as they were."""
        arrays = model.arrays()
        same = {
            name: one
            for name, one in self.kept.items()
            if name in arrays and np.array_equal(arrays[name], one.restored())
        }
        return replace(self, model=model, kept=same, told=told, layers=layers, accuracy=None, file="")


def _say_nothing(text: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Context:
    """What a method may use beside the network.

    Attributes:
        plan: Seed, optimiser, batch size, calibration (:func:`core.calibrating.calibration_batches`).
        parts: Data as the network takes it.
        extras: What training is told beside the labels: the dense network's answers where the plan distils.
        measure: A Measurement of a network on the validation split.
        poll: Called after every batch of whatever takes time; may raise ``Cancelled``.
        doing: Told in a few words what comes now.
    """

    plan: Plan
    parts: "Parts | None" = None
    extras: Extras = field(default_factory=Extras)
    measure: "Callable[[LoadedModel], Measurement] | None" = None
    poll: Poll = no_poll
    doing: Callable[[str], None] = _say_nothing


class Method(ABC):
    """One way to make weights smaller. Holds no state."""

    #: Registry name, lower case with hyphens.
    name: str
    #: What a person calls it.
    title: str
    #: What is done, plain text.
    formula: str
    #: Where it comes from.
    reference: str
    #: One sentence for the person who chooses.
    note: str
    #: Names of the settings in ``core.plan.Compression`` that it obeys; pages offer only these.
    settings: tuple[str, ...] = ()
    #: Whether every zero stays a zero.
    keeps_zeros: bool = True
    #: Whether it never changes a value.
    lossless: bool = False

    def refuses(self, choice: Compression) -> str:
        """One sentence on why this cannot be done as told; "" where it can."""
        return ""

    def misfit(self, model: LoadedModel, choice: Compression) -> str:
        """One sentence on why this cannot be done to that network, however long it trains before; "" where it can."""
        return ""

    def trains(self, choice: Compression) -> bool:
        """Whether it needs a network that can be trained."""
        return False

    @abstractmethod
    def apply(self, before: Compressed, choice: Compression, context: Context) -> Compressed:
        """The network one step further; ``before`` is not changed.

        Raises:
            Cancelled: The poll was asked to stop.
            BadModel: This network cannot be compressed so; one sentence says why.
        """
