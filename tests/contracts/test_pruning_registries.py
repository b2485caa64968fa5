"""What every criterion, structure, allocation, schedule and budget promises."""

import importlib
import pkgutil
from dataclasses import fields, replace

import numpy as np
import pytest

from core.allocations import ALLOCATIONS, Claim
from core.budgets import BUDGETS
from core.criteria import CRITERIA, Criterion, Need, Signals
from core.errors import UnknownName
from core.graph import Graph, Node, Op
from core.plan import ScheduleChoice, Sharing
from core.runtimes import RUNTIMES
from core.schedules import SCHEDULES
from core.structures import STRUCTURES, Fold

REGISTRIES = {
    "core.criteria": CRITERIA,
    "core.structures": STRUCTURES,
    "core.allocations": ALLOCATIONS,
    "core.schedules": SCHEDULES,
    "core.budgets": BUDGETS,
    "core.runtimes": RUNTIMES,
}
SHAPES = ((6, 5), (4, 3, 3, 3), (8, 1, 5), (1, 1))
AMOUNTS = (0.0, 0.1, 0.37, 0.5, 0.9, 0.999)


@pytest.mark.parametrize("package", REGISTRIES)
def test_every_file_in_the_folder_is_registered(package):
    files = {m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__) if m.name[0] != "_"}
    assert {type(item).__module__.rsplit(".", 1)[1] for item in REGISTRIES[package].values()} == files


@pytest.mark.parametrize("package", REGISTRIES)
def test_names_are_lower_case_and_titles_are_for_people(package):
    for name, item in REGISTRIES[package].items():
        assert name == item.name == item.name.lower()
        assert item.title[0].isupper() or item.title[0].isdigit()


@pytest.mark.parametrize("package", REGISTRIES)
def test_a_name_nobody_knows_is_answered_with_those_that_are(package):
    with pytest.raises(UnknownName, match=next(iter(REGISTRIES[package]))):
        REGISTRIES[package]["nonsense"]


def signals(shape: tuple[int, ...], needs: frozenset[Need]) -> Signals:
    """Exactly what was asked for, nothing else."""
    rng = np.random.default_rng(3)
    by_entry, by_row = (rng.standard_normal(size, np.float32) for size in (shape, shape[:1]))
    by_input = rng.random((1, shape[1], *(1 for _ in shape[2:])), np.float32)
    every = {
        Need.GRADIENT: by_entry,
        Need.SQUARED_GRADIENT: np.abs(by_entry),
        Need.SQUARED_ROW_PRODUCT: np.abs(by_row),
        Need.FISHER: np.abs(by_entry),
        Need.HESSIAN_DIAGONAL: by_entry,
        Need.HESSIAN_GRADIENT: by_entry,
        Need.FLOW: np.abs(by_entry),
        Need.MOVEMENT: by_entry,
        Need.INPUT_NORM: by_input,
        Need.INPUT_MEAN: by_input,
        Need.ACTIVATION_MEAN: np.abs(by_row),
        Need.ZERO_SHARE: rng.random(shape[0], np.float32),
        Need.RANK: np.abs(by_row),
        Need.ACTIVATION_TAYLOR: np.abs(by_row),
        Need.ACTIVATION_FISHER: np.abs(by_row),
        Need.SCALE: by_row,
    }
    assert set(every) == set(Need), "a new need: give this test an example of it"
    return Signals(rng.standard_normal(shape, np.float32), **{need.value: every[need] for need in needs})


#: Of each way of ranking one structure that asks for it: entries, folds, rows.
WAYS = ("unstructured", "kernel", "channel")


def scored(criterion: Criterion, structure: str, given: Signals) -> np.ndarray:
    rng = np.random.default_rng(0)
    if structure == "kernel":
        return criterion.pooled(given, rng, kernels(given.weight.shape))
    return (criterion.entries if structure == "unstructured" else criterion.rows)(given, rng)


def kernels(shape: tuple[int, ...]) -> Fold:
    return Fold(shape, (1, 1, *shape[2:]))


RANKED = [(c, s, shape) for c in CRITERIA.values() for s in WAYS for shape in SHAPES if c.ranks(s) and not c.ablates]


@pytest.fixture(params=RANKED, ids=lambda p: f"{p[0].name}-{p[1]}-{p[2]}")
def ranked(request):
    criterion, structure, shape = request.param
    needs = criterion.row_needs if structure == "channel" else criterion.entry_needs
    return criterion, structure, signals(shape, needs)


def test_scores_have_the_shape_of_what_they_rank_and_are_finite(ranked):
    criterion, structure, given = ranked
    scores, shape = scored(criterion, structure, given), given.weight.shape
    assert scores.shape == {"unstructured": shape, "kernel": (shape[0] * shape[1],), "channel": shape[:1]}[structure]
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_scores_are_the_same_again_and_in_any_memory_order(ranked):
    criterion, structure, given = ranked
    turned = replace(
        given,
        **{name: np.asfortranarray(value) for name, value in vars(given).items() if value is not None},
    )
    first = scored(criterion, structure, given)
    np.testing.assert_array_equal(first, scored(criterion, structure, given))
    np.testing.assert_array_equal(first, scored(criterion, structure, turned))


def test_inputs_are_not_touched_nor_handed_out(ranked):
    criterion, structure, given = ranked
    arrays = [array for array in vars(given).values() if array is not None]
    copies = [a.copy() for a in arrays]
    for array in arrays:
        array.flags.writeable = False
    scored(criterion, structure, given)[...] = -1
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA)
def test_structures_a_criterion_names_exist_and_know_what_it_needs(criterion):
    for structure in criterion.structures:
        assert STRUCTURES[structure].needs(criterion) <= criterion.needs
        assert criterion.ranks(structure)


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA)
def test_relatives_of_a_structure_are_ranked_as_the_presets_are(criterion):
    for preset, relative in (("2:4", "3:7"), ("block-4x4", "block-2x8")):
        assert criterion.ranks(preset) == criterion.ranks(relative)
    assert not criterion.ranks("nonsense")


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA)
def test_a_criterion_tells_its_formula_and_where_it_comes_from(criterion):
    assert criterion.formula
    assert criterion.reference
    assert criterion.__doc__
    assert criterion.data_free == (criterion.name in DATA_FREE)


DATA_FREE = {"magnitude", "squared_magnitude", "l1_norm", "l2_norm", "bn_scale", "fpgm", "synflow", "random"}


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_every_structure_is_ranked_by_magnitude_and_by_chance(structure):
    for name in ("magnitude", "random"):
        assert structure.name in CRITERIA[name].structures


def chain() -> Graph:
    arrays = {"a.kernel": (6, 4), "a.bias": (6,), "b.kernel": (5, 6), "b.bias": (5,), "c.kernel": (3, 5)}
    nodes = [Node("x", Op.INPUT, (), (4,))]
    for layer, size in (("a", 6), ("b", 5), ("c", 3)):
        nodes.append(Node(layer, Op.LINEAR, (nodes[-1].name,), (size,), layer))
    return Graph((*nodes, Node("y", Op.OUTPUT, ("c",), (3,))), arrays, {})


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_masks_give_back_the_units_they_were_made_of(structure):
    graph, rng = chain(), np.random.default_rng(5)
    units = structure.units(graph)
    gone = {u.name: np.arange(u.size) < u.size // 2 for u in units}
    for flags in gone.values():
        rng.shuffle(flags)
    masks = structure.masks(graph, gone)
    for name, mask in masks.items():
        assert mask.kept.shape == graph.arrays[name]
    found = structure.gone(graph, masks)
    for name, flags in gone.items():
        np.testing.assert_array_equal(found[name], flags)


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_nothing_gone_means_no_masks(structure):
    graph = chain()
    assert structure.masks(graph, {u.name: np.zeros(u.size, bool) for u in structure.units(graph)}) == {}


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_quotas_grow_with_the_amount_and_stay_within_the_size(structure):
    for size in (1, 2, 7, 100):
        quotas = [structure.quota(size, amount) for amount in AMOUNTS]
        assert quotas == sorted(quotas)
        assert quotas[0] == 0
        assert quotas[-1] <= size


@pytest.mark.parametrize("allocation", ALLOCATIONS.values(), ids=ALLOCATIONS)
@pytest.mark.parametrize("amount", AMOUNTS)
def test_counts_stay_within_bounds_and_held_claims_get_what_they_hold(allocation, amount):
    rng = np.random.default_rng(2)
    claims = [
        Claim("a", rng.random(10, np.float32), 0, 9),
        Claim("b", np.where(np.arange(8) < 3, -np.inf, rng.random(8)).astype(np.float32), 3, 7),
        Claim("c", rng.random(6, np.float32), 0, 6, held=2),
        Claim("d", np.zeros(5, np.float32), 0, 4),
    ]
    counts = allocation.counts(claims, amount, lambda size, share: round(size * share))
    assert all(c.least <= n <= c.most for c, n in zip(claims, counts, strict=True))
    assert counts[2] == 2


@pytest.mark.parametrize("allocation", ALLOCATIONS.values(), ids=ALLOCATIONS)
def test_allocations_name_settings_there_are(allocation):
    assert set(allocation.settings) <= {field.name for field in fields(Sharing)}
    assert allocation.follows(Sharing()) == allocation.follows_amount


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_schedules_name_settings_there_are_and_where_they_come_from(schedule):
    assert set(schedule.settings) <= {field.name for field in fields(ScheduleChoice)}
    assert schedule.reference
    assert schedule.formula


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("final", [0.0, 0.3, 0.8, 0.95])
@pytest.mark.parametrize("steps", [1, 2, 5, 33])
def test_schedules_never_fall_and_end_exactly_at_the_final_sparsity(schedule, final, steps):
    amounts = schedule.amounts(final, steps)
    assert amounts == sorted(amounts)
    assert amounts[-1] == final
    assert all(0 <= amount <= final for amount in amounts)
    assert len(amounts) == (steps if "steps" in schedule.settings else 1)
    assert ("steps" in schedule.settings) == (schedule.name not in ("one-shot", "rigl", "dns"))
