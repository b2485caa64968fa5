"""Every method there is, in words: what select boxes group by, and the table of *Inspect* and of the README."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from core.allocations import ALLOCATIONS
from core.backends import FRAMEWORKS, backend
from core.budgets import BUDGETS
from core.compression import COMPRESSIONS
from core.criteria import CRITERIA, Criterion
from core.penalties import PENALTIES
from core.plan import Plan
from core.recovery import RECOVERIES
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


@lru_cache
def methods() -> tuple[Method, ...]:
    """Everything in every registry, criteria first."""
    return (
        *_criteria(),
        *_structures(),
        *_allocations(),
        *_budgets(),
        *_schedules(),
        *_penalties(),
        *_recoveries(),
        *_compressions(),
    )


def searched(words: str, kind: str | None = None) -> list[Method]:
    """The methods of a kind (None: of any) in which every word occurs, whatever its case."""
    wanted = words.lower().split()
    return [
        one for one in methods() if (kind is None or one.kind == kind) and all(word in _text(one) for word in wanted)
    ]


def _text(one: Method) -> str:
    """All that is said of a method, as it is searched."""
    return " ".join((one.kind, one.name, one.title, one.what, one.needs, one.structures, one.paper)).lower()


def _frameworks() -> str:
    return ", ".join(backend(name).title for name in FRAMEWORKS)


def _listed(fitting: Iterable[str]) -> str:
    """Names of structures, a family under one name (N:M), or "all"."""
    names = list(fitting)
    families = (STRUCTURES[name].family for name in names)
    told = (
        kin.format(*("NM" if ":" in kin else "RC")) if kin else name for kin, name in zip(families, names, strict=True)
    )
    return "all" if len(names) == len(STRUCTURES) else ", ".join(dict.fromkeys(told))


def _criteria() -> Iterator[Method]:
    for one in CRITERIA.values():
        fitting = _listed(name for name in STRUCTURES if one.ranks(name))
        yield Method("criterion", one.name, one.title, one.formula, needs(one), fitting, _frameworks(), one.reference)


def _structures() -> Iterator[Method]:
    for one in STRUCTURES.values():
        yield Method("structure", one.name, one.title, one.note, "", one.name, _frameworks(), "")


def _allocations() -> Iterator[Method]:
    for one in ALLOCATIONS.values():
        wants = "the loss as each layer loses more" if one.needs_curves else ""
        yield Method("allocation", one.name, one.title, one.note, wants, "all", _frameworks(), one.reference)


def _budgets() -> Iterator[Method]:
    for one in BUDGETS.values():
        yield Method("budget", one.name, one.title, one.note, "", "all", _frameworks(), "")


def _schedules() -> Iterator[Method]:
    for one in SCHEDULES.values():
        fitting = _listed(name for name in STRUCTURES if not one.refuses(name))
        yield Method("schedule", one.name, one.title, one.formula, "", fitting, _frameworks(), one.reference)


def _penalties() -> Iterator[Method]:
    for one in PENALTIES.values():
        what = f"{one.formula}. {one.note}"
        yield Method("penalty", one.name, one.title, what, "training", "all", _frameworks(), one.reference)


def _recoveries() -> Iterator[Method]:
    for one in RECOVERIES.values():
        what, wants = f"{one.formula}. {one.note}", "training" if one.trains else ""
        yield Method("recovery", one.name, one.title, what, wants, "all", _frameworks(), one.reference)


def _compressions() -> Iterator[Method]:
    for one in COMPRESSIONS.values():
        zeros = "" if one.keeps_zeros else " Zeros do not stay zeros."
        what, wants = f"{one.formula}. {one.note}{zeros}", "training, with epochs" if "epochs" in one.settings else ""
        yield Method("compression", one.name, one.title, what, wants, "all", _frameworks(), one.reference)
