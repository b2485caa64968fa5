"""Every structure: counts are exact, masks say back what is gone, steps never bring anything back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.graph import Graph, Node, Op
from core.plan import DataChoice, Plan
from core.pruning import decide, pools
from core.schedules import SCHEDULES
from core.structures import STRUCTURES

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([(), (3,), (2, 3)])).map(
    lambda drawn: (drawn[0], drawn[1], *drawn[2])
)
FAMILIES = st.one_of(
    st.tuples(st.integers(1, 5), st.integers(1, 5)).map(lambda n: f"block-{n[0]}x{n[1]}"),
    st.tuples(st.integers(1, 4), st.integers(1, 4)).map(lambda n: f"{n[0]}:{n[0] + n[1]}"),
)
NAMES = st.one_of(st.sampled_from(["unstructured", "kernel", "column"]), FAMILIES)
PROFILE = settings(max_examples=25, deadline=None)


class Network:
    """Weights of these shapes, each by itself, with few different values."""

    def __init__(self, shapes: list[tuple[int, ...]], seed: int) -> None:
        nodes = (Node("x", Op.INPUT, (), (1,)), Node("y", Op.OUTPUT, ("x",), (1,)))
        self.drawn = Graph(nodes, {f"w{n}.kernel": shape for n, shape in enumerate(shapes)}, {})
        rng = np.random.default_rng(seed)
        self.values = {n: rng.integers(-3, 4, s).astype(np.float32) for n, s in self.drawn.arrays.items()}

    def graph(self) -> Graph:
        return self.drawn

    def arrays(self) -> dict[str, np.ndarray]:
        return self.values


def plan(**given) -> Plan:
    return Plan("sample:none@pytorch", DataChoice("iris"), **given)


@given(st.lists(SHAPES, min_size=1, max_size=3), NAMES, st.integers(0, 9))
@PROFILE
def test_masks_say_back_which_units_are_gone(shapes, name, seed):
    graph, structure, rng = Network(shapes, seed).graph(), STRUCTURES[name], np.random.default_rng(seed)
    gone = {unit.name: rng.random(unit.size) < 0.5 for unit in structure.units(graph)}
    masks = structure.masks(graph, gone)
    found = structure.gone(graph, masks)
    for pool, flags in gone.items():
        np.testing.assert_array_equal(found.get(pool, np.zeros_like(flags)), flags)
    assert all(mask.removed for mask in masks.values())
    assert set(structure.left_out(graph)).isdisjoint(unit.layer for unit in structure.units(graph))
    assert set(structure.left_out(graph)) | {u.layer for u in structure.units(graph)} >= {
        w.layer for w in graph.weights()
    }


@given(SHAPES, st.integers(1, 4), st.integers(1, 4), st.integers(0, 9))
@PROFILE
def test_exactly_n_of_every_m_are_kept_inside_rows(shape, kept, more, seed):
    """Ties everywhere; at the full sparsity of the structure every whole group keeps N, the remainder stays."""
    of, network = kept + more, Network([shape], seed)
    if shape[1] < of:
        assert STRUCTURES[f"{kept}:{of}"].left_out(network.graph())
        return
    settled = plan(structure=f"{kept}:{of}", sparsity=1 - kept / of)
    mask = decide(pools(network, settled, None), settled, network.graph()).masks["w0.kernel"].kept
    rows = np.moveaxis(mask, 1, -1)
    whole = shape[1] // of * of
    assert (rows[..., :whole].reshape(-1, of).sum(axis=1) == kept).all()
    assert rows[..., whole:].all()
    weight = np.moveaxis(np.abs(network.values["w0.kernel"]), 1, -1)[..., :whole].reshape(-1, of)
    stays = rows[..., :whole].reshape(-1, of)
    for values, here in zip(weight, stays, strict=True):
        assert values[here].min() >= values[~here].max()


@given(SHAPES, NAMES, st.lists(st.floats(0, 0.99), min_size=2, max_size=4), st.integers(0, 9))
@PROFILE
def test_what_is_gone_stays_gone_though_scores_change(shape, name, amounts, seed):
    before, settled = {}, plan(structure=name)
    if not STRUCTURES[name].units(Network([shape], 0).graph()):
        return
    for step, amount in enumerate(amounts):
        network = Network([shape], seed + step)
        decision = decide(pools(network, settled, None), settled, network.graph(), amount=amount, before=before)
        for array, mask in before.items():
            assert not (decision.masks[array].kept & ~mask.kept).any()
        before = decision.masks


@given(SHAPES, NAMES, st.sampled_from(sorted(SCHEDULES)), st.floats(0.1, 0.9), st.integers(1, 6), st.floats(0, 0.95))
@PROFILE
def test_masks_only_ever_grow_over_a_schedule(shape, name, schedule, final, steps, initial):
    network, settled, before = Network([shape], 2), plan(structure=name), {}
    if not STRUCTURES[name].units(network.graph()):
        return
    found, removed = pools(network, settled, None), 0
    for amount in SCHEDULES[schedule].amounts(final, steps, initial):
        decision = decide(found, settled, network.graph(), amount=amount, before=before)
        assert sum(decision.removed.values()) >= removed
        assert all(not (decision.masks[n].kept & ~mask.kept).any() for n, mask in before.items())
        before, removed = decision.masks, sum(decision.removed.values())
    assert removed == sum(decide(found, settled, network.graph(), amount=final).removed.values())


@pytest.mark.parametrize("name", STRUCTURES)
def test_counts_and_amounts_are_each_others_inverse(name):
    structure = STRUCTURES[name]
    for size in (1, 7, 64, 1000):
        for count in {0, 1, size // 3, size - 1, size}:
            assert structure.quota(size, structure.amount(size, count)) == count
