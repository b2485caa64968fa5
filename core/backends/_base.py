"""The only seam to a framework: numpy in, numpy out.

``LoadedModel`` is one loaded network. A preview never changes it: masks are arguments, and one model is shared by
many people and threads. What changes a network (``masked``, ``cut``, a ``Trainer``) works on a copy of its own.

Batches are numpy arrays, first axis the samples, ``float32`` in the framework's own axis order (tokens may stay
integers); a network with several inputs takes :class:`core.inputs.Several`. Labels are ``int64`` classes, or
``float32`` targets where the output is ``regression``.
Masks are given by array name (``layer.role``) as booleans of the canonical shape; arrays without one are whole.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from core.backends._values import (
    Batch,
    Between,
    Cuts,
    EpochResult,
    Extras,
    Floats,
    Labels,
    Masks,
    Poll,
    Tap,
    no_change,
    no_poll,
)
from core.errors import BadModel
from core.graph import Graph
from core.inputs import Inputs
from core.plan import Recovery

__all__ = [
    "Backend",
    "Batch",
    "Between",
    "Cuts",
    "EpochResult",
    "Extras",
    "Floats",
    "Labels",
    "LoadedModel",
    "Masks",
    "Poll",
    "Tap",
    "Trainer",
    "no_change",
    "no_poll",
]


class Trainer(ABC):
    """Fine-tunes its own copy of a model under masks.

    Masked entries are zero after every optimiser step and receive no update, momentum or weight decay.
    The order of samples and everything random in epoch *e* depends on ``(seed, e)`` only, so that training continued
    from :meth:`save` gives bit for bit the weights of an unbroken run on the same machine.
    Loss is cross-entropy for the model's output kind, computed stably (from logits where the model gives them;
    probabilities are clipped at 1e-7).
    """

    @abstractmethod
    def epoch(
        self,
        x: Inputs,
        y: Labels | Floats,
        number: int,
        learning_rate: float,
        poll: Poll = no_poll,
        between: Between = no_change,
    ) -> EpochResult:
        """Train one epoch; ``number`` counts from 0 over the whole run. ``between`` runs after every batch."""

    @abstractmethod
    def set_masks(self, masks: Masks) -> None:
        """Replace the masks; entries newly masked become zero at once. The optimiser's state is kept, masked too."""

    @abstractmethod
    def model(self) -> "LoadedModel":
        """The network as it is now, zeros baked in: a view for measuring, valid until training goes on."""

    def dense_arrays(self) -> Mapping[str, Floats]:
        """Every array as it is trained, by name, canonical, a copy: under ``dense_updates`` with the values that
        the masks hide."""
        raise NotImplementedError

    def movement(self) -> Mapping[str, Floats]:
        """By Weight name the sum over all steps so far of - gradient x weight (``Extras.movement``), canonical.

        Sanh et al. 2020, Movement Pruning, arXiv:2005.07683, equation 3. Kept by :meth:`save` and :meth:`load`.
        """
        raise NotImplementedError

    def set_arrays(self, arrays: Mapping[str, Floats]) -> None:
        """Put other values into the named arrays, masks on; the optimiser starts anew (rewinding), unless they are
        nothing but statistics of normalisation, which it never moves."""
        raise NotImplementedError

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
    #: What the network calls its inputs, one for each.
    input_names: tuple[str, ...]
    #: What each of them holds, as numpy calls it ("float32", "int64").
    input_types: tuple[str, ...]
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
    def predict(self, x: Inputs, masks: Masks | None = None, batch_size: int = 256, poll: Poll = no_poll) -> Floats:
        """The network's raw outputs in evaluation mode, ``(samples, …)``; of several outputs the first.

        A mask on a layer normalisation's ``scale`` makes it normalise over the kept channels only.
        Safe to call from several threads at once.
        """

    @abstractmethod
    def gradients(
        self, batches: Iterable[Batch], masks: Masks | None = None, *, temperature: float = 1.0
    ) -> Iterator[dict[str, Floats]]:
        """Per batch the gradient of the mean loss by array name, canonical order, evaluation mode.

        Trained parameters only (no running statistics). Masked entries count as zero and have a gradient all the same
        (what would change if they came back). The caller may keep what it gets. ``temperature`` divides the logits.
        """

    def squared_gradients(self, batches: Iterable[Batch], masks: Masks | None = None) -> Iterator[dict[str, Floats]]:
        """Per batch the mean over its samples of ``weight`` times the square of the gradient of that sample's own
        loss, by Weight name (kernels only), canonical order, evaluation mode."""
        raise NotImplementedError

    def hessian_products(
        self,
        batches: Iterable[Batch],
        vectors: Sequence[Mapping[str, Floats]],
        masks: Masks | None = None,
        *,
        temperature: float = 1.0,
    ) -> Iterator[list[dict[str, Floats]]]:
        """Per batch, for each vector v, the product H v of the Hessian of the mean loss, by Weight name, canonical.

        The Hessian is taken over the kernels of the Weights that ``vectors`` name (all vectors name the same ones).
        Exact (double back-propagation), evaluation mode. ``temperature`` divides the logits.
        """
        raise NotImplementedError

    def taps(
        self, batches: Iterable[Batch], names: Sequence[str], masks: Masks | None = None, *, gradients: bool = False
    ) -> Iterator[dict[str, Tap]]:
        """Per batch what flows through the named places, evaluation mode.

        A name is that of a node of :meth:`graph`; or ``NODE:hidden`` of a GRU or LSTM, every hidden state
        ``(steps, hidden)``; or ``NODE:context`` of an attention, what its out projection takes
        ``(tokens, heads * dim)``.

        Args:
            batches: Samples.
            names: Places.
            masks: Laid over the network.
            gradients: Whether the loss' gradients are wanted too.
        """
        raise NotImplementedError

    def synaptic_flow(self, masks: Masks | None = None) -> dict[str, Floats]:
        """By Weight name |dR/dw x w| with R = the sum of the outputs for one sample of ones, canonical order.

        All parameters and running statistics are taken at their absolute value, evaluation mode, double precision,
        masks on; a softmax or sigmoid at the end is left away. For token inputs every token's embedding is ones.
        Tanaka et al. 2020, SynFlow, arXiv:2006.05467, algorithm 1.
        """
        raise NotImplementedError

    def with_arrays(self, arrays: Mapping[str, Floats]) -> "LoadedModel":
        """A copy with other values in the named arrays (canonical shapes), sharing nothing that is changed."""
        raise NotImplementedError

    def recalibrated(self, x: Inputs, masks: Masks | None = None, batch_size: int = 256) -> "LoadedModel":
        """A copy, zeros baked in, whose batch normalisations have mean and variance measured anew on ``x``.

        Training-mode statistics layer by layer, no weight moves, dropout off. Over all batches: the mean of the batch
        means, and the mean of the (biased) batch variances, batches weighted by their samples. The same in both
        frameworks. Without batch normalisation the copy is equal.
        """
        raise NotImplementedError

    @abstractmethod
    def trainer(self, recovery: Recovery, masks: Masks, seed: int, extras: Extras = Extras()) -> Trainer:  # noqa: B008
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

    def factorised(self, factors: Mapping[str, tuple[Floats, Floats]]) -> "LoadedModel":
        """A copy in which single kernels are products of two thinner ones.

        Args:
            factors: By the Weight's name (the kernel of a fully connected layer or a convolution of one group) the
                pair ``(up, down)``: ``down`` is ``(rank, in, *kernel)``, ``up`` is ``(out, rank, 1, …)``. Layer L
                becomes ``L_down`` (L's stride, padding and dilation, no bias) followed by ``L_up`` (kernel 1, L's bias
                and activation).

        Raises:
            BadModel: A name is no such kernel; the sentence says which, and why.
        """
        raise NotImplementedError

    def formats(self) -> Mapping[str, str]:
        """What :meth:`write` is asked for (names of ``core.formats.FORMATS``) -> "", or one sentence on why this
        network cannot be had in it here (a package is missing, an operation has no counterpart)."""
        return {}

    def write(self, kind: str, path: Path) -> Path:
        """Write the network for another runtime, atomically; the batch stays free. Returns the file or folder.

        Raises:
            Unavailable: A package is missing, or the disk is full.
            BadModel: The network cannot be had in that format; one sentence says why.
        """
        raise NotImplementedError

    def write_calibrated(self, kind: str, path: Path, samples: Inputs) -> Path:
        """As :meth:`write`, weights and activations in 8 bits; the activations' ranges are those on the samples.

        Only for formats whose converter needs the framework's own network ("litert-int8").
        """
        raise BadModel(f"Networks of this framework cannot be calibrated for {kind}.")

    def repeated(self, x: Inputs, threads: int, *, compiled: bool = False) -> Callable[[], None]:
        """One prediction of this batch made ready to be timed: inputs converted, denormals flushed to zero.

        Sets the threads of the whole process where the framework allows that after its start. Each call predicts once
        and waits for the result. ``compiled`` has the framework's compiler translate the network first.

        Raises:
            Unavailable: The compiler does not work on this machine.
            BadModel: The compiler does not take this network.
        """
        raise NotImplementedError

    def compiles(self) -> str:
        """ "", or one sentence on why the framework's compiler cannot be used here. Looks only; compiles nothing."""
        return "This framework has no compiler here."

    def layer_times(self, x: Inputs, threads: int, rounds: int = 20, poll: Poll = no_poll) -> Mapping[str, Floats]:
        """By name of a node of :meth:`graph` the milliseconds of each round, in the order they are carried out.

        What several nodes stand for together is under the name of the first.
        """
        raise NotImplementedError

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
    #: Those of them whose files hold weights only and need an architecture.
    bare: tuple[str, ...] = ()
    #: Those of them that need a package which is not everywhere: what a person brings is kept as :attr:`saves`.
    foreign: tuple[str, ...] = ()
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
