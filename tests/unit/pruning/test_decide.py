"""From pools to masks: exact totals, overrides held, nothing comes back, something always stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadSetting, BadWeights, EmptyData, NothingPrunable, UnknownName
from core.graph import Graph, Node, Op
from core.masks import digest
from core.plan import DataChoice, Override, Plan
from core.pruning import Pool, cuts, decide, pools

LAYERS = st.lists(st.integers(1, 12), min_size=2, max_size=5)
AMOUNTS = st.floats(0, 0.99)
STRUCTURES = st.sampled_from(["unstructured", "channel"])
ALLOCATIONS = st.sampled_from(["global", "uniform", "thresholds"])


def chain(widths: list[int]) -> Graph:
    """Linear layers, the last of which makes the output."""
    nodes, arrays = [Node("x", Op.INPUT, (), (3,))], {}
    for number, (before, out) in enumerate(zip([3, *widths], [*widths, 2], strict=True)):
        arrays |= {f"l{number}.kernel": (out, before), f"l{number}.bias": (out,)}
        nodes.append(Node(f"n{number}", Op.LINEAR, (nodes[-1].name,), (out,), f"l{number}"))
    return Graph((*nodes, Node("y", Op.OUTPUT, (nodes[-1].name,), (2,))), arrays, {})


class Network:
    """Few different values: ties everywhere."""

    def __init__(self, widths: list[int], seed: int) -> None:
        rng, self.drawn = np.random.default_rng(seed), chain(widths)
        self.values = {n: rng.integers(-2, 3, s).astype(np.float32) for n, s in self.drawn.arrays.items()}

    def graph(self) -> Graph:
        return self.drawn

    def arrays(self) -> dict[str, np.ndarray]:
        return self.values


def plan(**given) -> Plan:
    return Plan("sample:none@pytorch", DataChoice("iris"), **given)


def possible(found: dict[str, Pool]) -> int:
    """No layer empties unless asked."""
    return sum(p.size - 1 for p in found.values())


@given(LAYERS, AMOUNTS, STRUCTURES, st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_global_totals_are_met_exactly_under_any_ties(widths, amount, structure, seed):
    network = Network(widths, seed)
    settled = plan(structure=structure, sparsity=amount)
    found = pools(network, settled, None)
    decision = decide(found, settled, network.graph())
    total = sum(p.size for p in found.values())
    wanted = round(amount * total) if structure == "unstructured" else total - int(total * (1 - amount) + 1e-9)
    assert sum(decision.removed.values()) == min(wanted, possible(found))


@given(LAYERS, AMOUNTS, st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_single_weights_masks_hold_exactly_the_counts(widths, amount, seed):
    network = Network(widths, seed)
    settled = plan(sparsity=amount)
    decision = decide(pools(network, settled, None), settled, network.graph())
    assert {n: m.removed for n, m in decision.masks.items()} == {n: c for n, c in decision.removed.items() if c}


@given(LAYERS, AMOUNTS, ALLOCATIONS, st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_every_group_keeps_a_channel(widths, amount, allocation, seed):
    network = Network(widths, seed)
    settled = plan(structure="channel", allocation=allocation, sparsity=amount)
    decision = decide(pools(network, settled, None), settled, network.graph())
    assert all(decision.removed[name] < size for name, size in decision.sizes.items())
    assert all(kept.size >= 1 for kept in cuts(network.graph(), decision).values())


@given(LAYERS, AMOUNTS, STRUCTURES, ALLOCATIONS, st.data())
@settings(max_examples=25, deadline=None)
def test_overrides_are_held_and_excluded_pools_are_left_whole(widths, amount, structure, allocation, data):
    network = Network(widths, 1)
    settled = plan(structure=structure, allocation=allocation, sparsity=amount)
    found = pools(network, settled, None)
    names = data.draw(st.lists(st.sampled_from(list(found)), unique=True, min_size=1))
    overrides = {}
    for name in names:
        count = data.draw(st.none() | st.integers(0, found[name].size - (structure == "channel")))
        overrides[name] = Override(excluded=True) if count is None else Override(count=count, locked=True)
    settled = plan(structure=structure, allocation=allocation, sparsity=amount, overrides=overrides)
    removed = decide(found, settled, network.graph()).removed
    for name, override in overrides.items():
        assert removed[name] == (0 if override.excluded else override.count)
    if allocation == "global":
        open_names = [n for n in found if not (n in overrides and overrides[n].excluded)]
        total = sum(found[n].size for n in open_names)
        wanted = round(amount * total) if structure == "unstructured" else total - int(total * (1 - amount) + 1e-9)
        free = [n for n in open_names if n not in overrides]
        most = sum(found[n].size - 1 for n in free)
        held = sum(removed[n] for n in open_names if n in overrides)
        assert sum(removed[n] for n in free) == min(max(wanted - held, 0), most)


@given(LAYERS, STRUCTURES, ALLOCATIONS, st.lists(AMOUNTS, min_size=2, max_size=4), st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_what_is_gone_stays_gone_though_scores_and_amounts_change(widths, structure, allocation, amounts, seed):
    settled, before = plan(structure=structure, allocation=allocation), {}
    for step, amount in enumerate(amounts):
        network = Network(widths, seed + step)
        decision = decide(pools(network, settled, None), settled, chain(widths), amount=amount, before=before)
        for name, mask in before.items():
            assert not (decision.masks[name].kept & ~mask.kept).any()
        before = decision.masks


def test_the_same_plan_gives_the_same_masks_bit_for_bit():
    network, settled = Network([5, 6], 0), plan(criterion="random", sparsity=0.5)
    first, second = (decide(pools(network, settled, None), settled, network.graph()).masks for _ in range(2))
    assert digest(first) == digest(second)


def test_another_seed_gives_other_chances():
    network = Network([9, 9], 0)
    first, second = (pools(network, plan(criterion="random", seed=s), None)["l1.kernel"].scores for s in (0, 1))
    assert (first != second).all()


def test_uniform_takes_the_same_share_of_each():
    network, settled = Network([10, 20], 0), plan(sparsity=0.3, allocation="uniform")
    assert decide(pools(network, settled, None), settled, network.graph()).removed == {
        "l0.kernel": 9,
        "l1.kernel": 60,
        "l2.kernel": 12,
    }


def test_thresholds_take_what_lies_below_and_nothing_else():
    network = Network([4, 4], 0)
    settled = plan(sparsity=0.9, allocation="thresholds", overrides={"l1.kernel": Override(threshold=1.5)})
    removed = decide(pools(network, settled, None), settled, network.graph()).removed
    assert removed == {
        "l0.kernel": 0,
        "l1.kernel": int((np.abs(network.values["l1.kernel"]) < 1.5).sum()),
        "l2.kernel": 0,
    }


def test_a_count_is_obeyed_not_the_threshold_it_came_from():
    network = Network([4, 4], 0)
    settled = plan(allocation="thresholds", overrides={"l1.kernel": Override(count=3, threshold=99.0)})
    assert decide(pools(network, settled, None), settled, network.graph()).removed["l1.kernel"] == 3


def test_thresholds_in_a_decision_part_kept_from_gone():
    network, settled = Network([6, 6], 3), plan(sparsity=0.4)
    found = pools(network, settled, None)
    decision = decide(found, settled, network.graph())
    for name, pool in found.items():
        kept = decision.masks[name].kept.reshape(-1) if name in decision.masks else np.ones(pool.size, bool)
        assert pool.scores[kept].min() == decision.thresholds[name]


def test_pools_are_read_only_and_decide_changes_nothing():
    network, settled = Network([5, 5], 0), plan(structure="channel", sparsity=0.5)
    found = pools(network, settled, None)
    copies = {n: p.scores.copy() for n, p in found.items()}
    decide(found, settled, network.graph())
    for name, pool in found.items():
        assert not pool.scores.flags.writeable
        np.testing.assert_array_equal(pool.scores, copies[name])


def test_a_network_without_channels_says_so():
    with pytest.raises(NothingPrunable, match="no channel"):
        pools(Network([], 0), plan(structure="channel"), None)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_named(value):
    network = Network([3, 3], 0)
    network.values["l1.kernel"][0, 0] = value
    with pytest.raises(BadWeights, match='"l1"'):
        pools(network, plan(), None)


def test_a_criterion_that_needs_data_says_so():
    with pytest.raises(EmptyData, match="choose a data set"):
        pools(Network([3, 3], 0), plan(criterion="taylor"), None)


def test_a_criterion_for_channels_does_not_rank_weights():
    with pytest.raises(BadSetting, match="does not rank weights"):
        pools(Network([3, 3], 0), plan(criterion="l1_norm"), None)


@pytest.mark.parametrize(
    ("override", "error", "words"),
    [
        ({"nowhere": Override(count=1)}, UnknownName, "l0.kernel"),
        ({"l0.kernel": Override(count=99)}, BadSetting, "has 9 weights"),
        ({"l0.kernel": Override(locked=True)}, BadSetting, "fixes nothing"),
    ],
)
def test_overrides_that_cannot_be_met_are_refused(override, error, words):
    network, settled = Network([3, 3], 0), plan(overrides=override)
    with pytest.raises(error, match=words):
        decide(pools(network, settled, None), settled, network.graph())
