"""Every method there is, in words: what select boxes group by, and the table of *Inspect* and of the README."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.allocations import ALLOCATIONS
from core.backends import FRAMEWORKS, backend
from core.criteria import CRITERIA, Criterion, Need
from core.plan import Plan
from core.schedules import SCHEDULES
from core.structures import STRUCTURES, Structure

#: What a criterion looks at, the cheapest first: the group it is listed in, and its needs.
FAMILIES: Mapping[str, frozenset[Need]] = {
    "weights": frozenset({Need.SCALE}),
    "signal flow": frozenset({Need.FLOW}),
    "activations": frozenset({Need.INPUT_NORM, Need.INPUT_MEAN, Need.ACTIVATION_MEAN, Need.ZERO_SHARE, Need.RANK}),
    "gradients": frozenset({Need.GRADIENT, Need.SQUARED_GRADIENT, Need.SQUARED_ROW_PRODUCT, Need.ACTIVATION_TAYLOR}),
    "curvature": frozenset({Need.FISHER, Need.HESSIAN_DIAGONAL, Need.HESSIAN_GRADIENT}),
    "training": frozenset({Need.MOVEMENT}),
}
#: Needs as a person calls them.
_NEEDS: Mapping[Need, str] = {
    Need.GRADIENT: "gradients",
    Need.SQUARED_GRADIENT: "gradients",
    Need.SQUARED_ROW_PRODUCT: "gradients",
    Need.FISHER: "gradients of single samples",
    Need.HESSIAN_DIAGONAL: "Hessian products",
    Need.HESSIAN_GRADIENT: "Hessian products",
    Need.FLOW: "one pass of ones, no data",
    Need.MOVEMENT: "training steps",
    Need.INPUT_NORM: "activations",
    Need.INPUT_MEAN: "activations",
    Need.ACTIVATION_MEAN: "activations",
    Need.ZERO_SHARE: "activations",
    Need.RANK: "activations",
    Need.ACTIVATION_TAYLOR: "activations and their gradients",
    Need.SCALE: "batch normalisation",
}


@dataclass(frozen=True)
class Method:
    """One entry of a registry. ``what`` is its formula, or what it does; cells that do not apply are empty."""

    kind: str
    name: str
    title: str
    what: str
    needs: str
    structures: str
    frameworks: str
    paper: str


def family(criterion: Criterion) -> str:
    """What a criterion looks at; one that measures the loss itself needs none of the signals."""
    for name, needs in reversed(FAMILIES.items()):
        if criterion.needs & needs:
            return name
    return "weights" if data_free(criterion) else "measured loss"


def data_free(criterion: Criterion) -> bool:
    """Whether it can be asked without data."""
    return criterion.needs <= FAMILIES["weights"] | FAMILIES["signal flow"]


def needs(criterion: Criterion) -> str:
    """What it has to be given beside the weights, in words."""
    told = dict.fromkeys(_NEEDS[need] for need in Need if need in criterion.needs)
    return ", ".join(told) or ("the weights" if data_free(criterion) else "the loss, measured again and again")


def ranking(structure: str) -> list[str]:
    """Names of the criteria that rank a structure's units, grouped by what they look at."""
    order = ["weights", *(name for name in FAMILIES if name != "weights"), "measured loss"]
    fitting = [one for one in CRITERIA.values() if ranks(one, structure)]
    return [one.name for one in sorted(fitting, key=lambda one: order.index(family(one)))]


def ranks(criterion: Criterion, structure: str) -> bool:
    """Whether a criterion ranks the units of a structure, presets and their relatives alike."""
    return structure in criterion.structures


def structures_of(plan: Plan) -> list[str]:
    """The structures to choose from; a relative of a preset (3:7) stands behind its family."""
    names = list(STRUCTURES)
    if plan.structure not in names:
        kin = [i for i, name in enumerate(names) if STRUCTURES[name].family == STRUCTURES[plan.structure].family]
        names.insert(kin[-1] + 1 if kin else len(names), plan.structure)
    return names


def relative(structure: Structure, place: int, number: int) -> str:
    """The name of a family's member with another number at that place: 2:4 with 8 at place 1 is 2:8."""
    numbers = [*structure.numbers[:place], number, *structure.numbers[place + 1 :]]
    return structure.family.format(*numbers)


def methods() -> tuple[Method, ...]:
    """Everything in every registry, criteria first."""
    return (*_criteria(), *_structures(), *_allocations(), *_schedules())


def _row(
    kind: str, one: object, what: str, *, needs: str = "", structures: Iterable[str] = (), paper: str = ""
) -> Method:
    name, title = str(one.name), str(one.title)  # type: ignore[attr-defined]
    return Method(kind, name, title, what, needs, ", ".join(structures), _frameworks(), paper)


def _frameworks() -> str:
    return ", ".join(backend(name).title for name in FRAMEWORKS)


def _criteria() -> Iterable[Method]:
    for one in CRITERIA.values():
        fitting = [name for name in STRUCTURES if ranks(one, name)]
        listed = ["all"] if len(fitting) == len(STRUCTURES) else fitting
        yield _row("criterion", one, one.formula, needs=needs(one), structures=listed, paper=one.reference)


def _structures() -> Iterable[Method]:
    for one in STRUCTURES.values():
        yield _row("structure", one, one.note, structures=[one.name])


def _allocations() -> Iterable[Method]:
    for one in ALLOCATIONS.values():
        yield _row("allocation", one, one.note, structures=["all"], paper=one.reference)


def _schedules() -> Iterable[Method]:
    for one in SCHEDULES.values():
        yield _row("schedule", one, one.formula, structures=["all"], paper=one.reference)
