"""A recovery says what follows a pruning step: which weights training goes on from, at which rate, and towards what."""

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.backends._base import Floats
from core.graph import Graph
from core.plan import Plan
from core.recovery._rates import learning_rate

Arrays = Mapping[str, Floats]


@dataclass(frozen=True)
class Origin:
    """What there is to go back to.

    ``graph`` is that of the network as it goes on (smaller where channels were cut first). ``initial`` are the weights
    before the preparation's first epoch, ``early`` gives those after its epoch ``rewind_epoch``.
    """

    graph: Graph
    seed: int
    initial: Arrays
    early: Callable[[], Arrays]


@dataclass(frozen=True)
class Stage:
    """Training after one pruning step: of how many ``epochs``, after how many ``prepared``; ``last`` ends the run."""

    epochs: int
    prepared: int
    last: bool


class Method(ABC):
    """Plain facts and pure functions; who trains is :mod:`core.course`."""

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
    #: Names of the settings in ``core.plan.Recovery`` that it obeys; pages offer only these.
    settings: tuple[str, ...] = (
        "epochs",
        "epochs_between",
        "optimiser",
        "learning_rate",
        "rate_schedule",
        "batch_size",
    )
    #: Whether epochs follow at all.
    trains: bool = True
    #: Whether the dense network teaches the pruned one.
    teaches: bool = False
    #: Whether the network is cut before it trains, where its structure can be cut.
    shrinks: bool = False
    #: Whether the weights of the preparation's epoch ``rewind_epoch`` are needed.
    goes_early: bool = False
    #: Whether batch normalisation is measured anew after each pruning step, whatever the plan says.
    recalibrates: bool = False

    def refuses(self, plan: Plan) -> str:
        """One sentence on why this cannot follow the plan; "" where it can."""
        return ""

    def weights(self, origin: Origin, stage: Stage) -> Arrays | None:
        """The values that training goes on from, masks on; None leaves them as they are."""
        return None

    def rate(self, plan: Plan, epoch: int, stage: Stage) -> float:
        """The learning rate of ``epoch`` (from 0) of the stage: constant between steps, scheduled after the last."""
        return learning_rate(plan.recovery, epoch) if stage.last else plan.recovery.learning_rate


def rewound(plan: Plan, epoch: int, stage: Stage, start: int = 0) -> float:
    """The rate of a schedule that begins anew after every pruning step, ``start`` epochs into it."""
    return learning_rate(plan.recovery, start + epoch, start + stage.epochs)
