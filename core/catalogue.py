"""Every method there is, in words: what select boxes group by, and the table of *Inspect* and of the README."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.allocations import ALLOCATIONS
from core.backends import FRAMEWORKS, backend
from core.criteria import CRITERIA, Criterion
from core.plan import Plan
from core.schedules import SCHEDULES
from core.structures import STRUCTURES, Structure

#: What a criterion looks at, the cheapest first: the group it is listed in -> its needs, and what these are.
FAMILIES: Mapping[str, Mapping[str, str]] = {
    "weights": {"scale": "batch normalisation"},
    "signal flow": {"flow": "one pass of ones"},
    "activations": {
        "input_norm": "activations",
        "input_mean": "activations",
        "activation_mean": "activations",
        "zero_share": "activations",
        "rank": "activations",
    },
    "gradients": {
        "gradient": "gradients",
        "squared_gradient": "gradients",
        "squared_row_product": "gradients",
        "activation_taylor": "activations and their gradients",
    },
    "curvature": {
        "fisher": "gradients of single samples",
        "activation_fisher": "activations and their gradients",
        "hessian_diagonal": "Hessian products",
        "hessian_gradient": "Hessian products",
    },
    "training": {"movement": "training steps"},
}
#: The group of criteria that look at no signal but the loss itself.
MEASURED = "measured loss"
#: Chance, and nothing else: what every other must beat.
CONTROL = "control"


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
    """The group a criterion is listed in."""
    if criterion.ablates:
        return MEASURED
    if criterion.name == "random":
        return CONTROL
    return next((name for name, known in [*FAMILIES.items()][::-1] if criterion.needs & set(known)), "weights")


def needs(criterion: Criterion) -> str:
    """What it has to be given beside the weights, in words."""
    words = {need: told for known in FAMILIES.values() for need, told in known.items()}
    found = list(dict.fromkeys(words[need] for need in words if need in criterion.needs))
    if criterion.ablates:
        found.append("the loss without each unit")
    if not found:
        return "nothing but the weights"
    return f"{', '.join(found)}{'; no data' if criterion.data_free else ''}"


def ranking(structure: str) -> list[str]:
    """Names of the criteria that rank a structure's units, grouped by what they look at."""
    order = [*FAMILIES, MEASURED, CONTROL]
    fitting = [one for one in CRITERIA.values() if one.ranks(structure)]
    return [one.name for one in sorted(fitting, key=lambda one: order.index(family(one)))]


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
        fitting = [name for name in STRUCTURES if one.ranks(name)]
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
