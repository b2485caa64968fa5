"""Mistakes found in other pruning libraries, each with the case that shows it.

TP is Torch-Pruning, INC Intel's Neural Compressor, TFMOT TensorFlow's model optimisation.
"""

import ast
from pathlib import Path

import numpy as np
import pytest

from core.backends._base import Batch, Tap
from core.criteria import CRITERIA, Need, Signals, gather
from core.criteria._gather import folded
from core.criteria._passes import Source, parts
from core.datasets import Parts
from core.errors import BadWeights, EmptyData
from core.graph import Op
from core.masks import Mask
from core.pruning import choose, decide, pools

RNG = np.random.default_rng(0)
TESTS = Path(__file__).resolve().parents[2]
#: Where it was seen, what the code does there -> the test that fails on it.
TRAPS = {
    "TP GroupHessianImportance: each sample overwrites the one before": "golden/test_criteria_by_hand.py::"
    "test_fisher_is_a_mean_over_samples_however_they_are_batched",
    "TP FPGMImportance: distances of |W|^p, of the rows passed in": "unit/pruning/test_traps.py::"
    "test_the_geometric_median_sees_signs_and_all_filters",
    "TP ActivationImportance: the last batch only": "unit/pruning/test_traps.py::"
    "test_activations_are_averaged_over_all_batches",
    "TP ActivationImportance: a sum for Linear, a mean for Conv": "unit/pruning/test_traps.py::"
    "test_activations_of_linear_and_convolution_are_on_one_scale",
    "TP GroupTaylor: |Σ g w| of one gradient": "unit/pruning/test_traps.py::"
    "test_taylor_is_not_the_absolute_value_of_a_sum",
    "TP #448: caps are forgotten in global pruning": "unit/pruning/test_limits.py::"
    "test_what_a_cap_holds_back_is_taken_elsewhere",
    "NNCF magnitude: |w| > k-th value takes more on ties": "unit/pruning/test_traps.py::"
    "test_many_equal_weights_neither_empty_a_layer_nor_stop_the_pruning",
    "TFMOT _update_mask: |w| >= threshold takes fewer on ties": "unit/pruning/test_selection.py::"
    "test_exactly_the_lowest_go_and_of_equal_ones_the_first",
    "NNCF exponential: clamped to the target epoch": "golden/test_schedules_by_hand.py::"
    "test_an_initial_sparsity_above_the_final_one_is_clamped_to_it",
    "NNCF global: |w| over the layer's norm, called magnitude": "golden/test_allocations_by_hand.py::"
    "test_normalised_scores_are_divided_by_their_layers_norm",
    "INC cube: (t/T)³ is slow first": "golden/test_schedules_by_hand.py::"
    "test_cubic_is_fast_first_unlike_what_intel_calls_cube",
    "INC snip_momentum: text and code weigh differently": "unit/pruning/test_traps.py::"
    "test_formulas_that_are_told_are_those_that_are_computed",
    "wanda prune_magnitude: <= the value at an index takes one too many, and ties": "unit/pruning/test_traps.py::"
    "test_the_value_at_the_threshold_stays",
    "Synaptic-Flow: scores of exactly zero go together": "unit/pruning/test_traps.py::"
    "test_flows_of_zero_do_not_all_go_at_once",
    "TFMOT #206: weights between mask updates are not sparse": "unit/pytorch/test_training.py::"
    "test_masked_weights_stay_zero_under_every_optimiser",
    "FPGM #27: a zero filter before BatchNorm is not silent": "unit/pruning/test_traps.py::"
    "test_a_masked_channel_takes_its_bias_and_normalisation_along",
    "fasterai #40: a coupled layer looks robust alone": "unit/pruning/test_traps.py::"
    "test_a_coupled_channel_is_left_out_with_its_whole_group",
    "pytorch #46180: numbers too small are timed as they are": "unit/pytorch/test_timing.py::"
    "test_numbers_too_small_count_as_zero_while_layers_are_timed_and_not_after",
    "pytorch #46180: weights that decay without end are slow": "unit/pruning/with_pytorch/test_no_tiny_numbers.py::"
    "test_nothing_that_was_pruned_lingers_as_a_number_too_small",
}


@pytest.mark.parametrize("test", TRAPS.values(), ids=TRAPS)
def test_every_trap_has_its_test(test):
    file, name = test.split("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_geometric_median_sees_signs_and_all_filters():
    """Rows 3, -3 and 1: of absolute values 3 and 3 are the same; distances 6 + 2, 6 + 4, 2 + 4 make 1 the median."""
    found = CRITERIA["fpgm"].rows(Signals(np.array([[3], [-3], [1]], np.float32)), RNG)
    np.testing.assert_allclose(found, [8, 10, 6], rtol=1e-6)


def activations(graph, values: dict[str, np.ndarray], sizes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The mean activation of each layer's rows, samples dealt out in batches of these sizes."""

    class Given:
        def graph(self):
            return graph

        def taps(self, batches, names, masks=None, *, gradients=False):
            start = 0
            for batch in batches:
                part = slice(start, start := start + len(batch.y))
                yield {name: Tap(values[name][part]) for name in names}

    batches = [Batch(np.zeros((n, 1)), np.zeros(n)) for n in sizes]
    weights = {name: np.ones(graph.arrays[name], np.float32) for name in graph.arrays if name.endswith(".kernel")}
    needs = frozenset({Need.ACTIVATION_MEAN})
    found = folded(weights, needs, parts(Source(Given(), lambda: iter(batches), dict, {}), weights, needs))
    return {name: one.activation_mean for name, one in found.items()}


def test_activations_are_averaged_over_all_batches(sketch):
    sketch.input(1)
    place = sketch.linear("a", 1)
    values = {place: np.array([[1], [2], [9]], np.float32)}
    graph = sketch.drawn()
    for sizes in ((3,), (2, 1), (1, 1, 1)):
        np.testing.assert_allclose(activations(graph, values, sizes)["a.kernel"], [4], rtol=1e-6)


def test_activations_of_linear_and_convolution_are_on_one_scale(sketch):
    """A value of 2 everywhere is 2 for a neuron, for a feature map of 16 positions, and for tokens."""
    sketch.input(1, 4, 4)
    conv = sketch.conv("c", 3)
    sketch.flatten()
    neuron = sketch.linear("a", 5)
    graph = sketch.drawn()
    values = {conv: np.full((6, 3, 4, 4), 2, np.float32), neuron: np.full((6, 5), -2, np.float32)}
    found = activations(graph, values, (6,))
    np.testing.assert_array_equal(np.concatenate(list(found.values())), [2] * 8)


def test_formulas_that_are_told_are_those_that_are_computed():
    """Each formula's own words, computed here with numpy beside the criterion."""
    rng = np.random.default_rng(1)
    w, g, f, h = rng.standard_normal((4, 3, 2)).astype(np.float32)
    told = {
        "magnitude": np.abs(w),
        "squared_magnitude": w**2,
        "gradient": np.abs(g),
        "squared_gradient": g**2,
        "taylor": g**2 * w**2,
        "snip": np.abs(g * w),
        "grasp": w * h,
        "fisher": f**2 * w**2 / 2,
        "woodfisher": (f**2 + 1e-5) * w**2 / 2,
        "hessian": np.abs(h * w**2 / 2),
        "obd": np.maximum(h, 0) * w**2 / 2,
        "movement": h,
    }
    given = Signals(
        w, gradient=g, squared_gradient=g**2, fisher=f**2, hessian_diagonal=h, hessian_gradient=h, movement=h
    )
    for name, expected in told.items():
        np.testing.assert_allclose(CRITERIA[name].entries(given, RNG), expected, rtol=1e-5, err_msg=name)


def test_the_value_at_the_threshold_stays(sketch, filled, planned):
    """Of 1 … 10 half go: 1 to 5. `<=` the value at index 5 would take 6 as well, and of equal values all."""
    sketch.input(10)
    sketch.linear("a", 1)
    network, plan = filled(sketch.drawn()), planned(sparsity=0.5)
    network.values["a.kernel"][...] = np.arange(1, 11)
    assert decide(pools(network, plan, None), plan, network.graph()).masks["a.kernel"].kept.sum() == 5
    network.values["a.kernel"][...] = [1, 2, 3, 6, 6, 6, 6, 6, 9, 10]
    kept = decide(pools(network, plan, None), plan, network.graph()).masks["a.kernel"].kept
    np.testing.assert_array_equal(kept, [[0, 0, 0, 0, 0, 1, 1, 1, 1, 1]])


def test_flows_of_zero_do_not_all_go_at_once(sketch, filled, planned):
    """Nothing flows through nine of ten weights; when half are to go, five go."""
    sketch.input(10)
    sketch.linear("a", 1)
    network, plan = filled(sketch.drawn()), planned(criterion="synflow", sparsity=0.5)
    flow = np.zeros((1, 10))
    flow[0, 2] = 1
    network.synaptic_flow = lambda masks=None: {"a.kernel": flow}
    kept = choose(network, plan, None, pools(network, plan, None)).masks["a.kernel"].kept
    assert kept.sum() == 5
    assert kept[0, 2]


def test_a_coupled_channel_is_left_out_with_its_whole_group(sketch, filled, planned):
    """Zeroing one producer of a sum would leave the other's values: the loss is asked with all of the group gone."""
    sketch.input(2)
    first, second = sketch.linear("a", 3, ("n0",)), sketch.linear("b", 3, ("n0",))
    sketch.same(Op.ADD, first, second)
    sketch.linear("c", 2)
    network, seen = filled(sketch.drawn()), []
    network.output, network.classes = "logits", 2

    def predict(x, masks=None, batch_size=256, poll=None):
        seen.append({name: np.flatnonzero(~mask.kept.any(axis=-1)) for name, mask in (masks or {}).items()})
        return np.zeros((len(x), 2), np.float32)

    network.predict = predict
    x, y = np.zeros((4, 2), np.float32), np.zeros(4, np.int64)
    data = Parts("zeros", ("a", "b"), x, y, x, y, x, y, sample_kind="table")
    pools(network, planned(structure="channel", criterion="ablation"), data)
    assert len(seen) == 1 + 3
    for channel, gone in enumerate(seen[1:]):
        assert gone["a.kernel"].tolist() == gone["b.kernel"].tolist() == [channel]
        assert "c.kernel" in gone


def test_many_equal_weights_neither_empty_a_layer_nor_stop_the_pruning(sketch, filled, planned):
    """A mask `|w| > k-th value` removes all of them, `>=` none (NNCF, TFMOT, wanda)."""
    sketch.input(4)
    sketch.linear("a", 5)
    sketch.linear("b", 2)
    network = filled(sketch.drawn())
    network.values["a.kernel"][...] = 0.5
    network.values["b.kernel"][...] = 0.5
    decision = decide(pools(network, planned(), None), planned(sparsity=0.5), network.graph())
    assert sum(mask.removed for mask in decision.masks.values()) == 15


def test_a_cap_holds_in_global_pruning_and_others_give_more(sketch, filled, planned):
    """Torch-Pruning issue #448. All of a's channels are the lowest; it keeps one and b gives the missing ones."""
    sketch.input(4)
    sketch.linear("a", 4)
    sketch.linear("b", 4)
    sketch.linear("c", 2)
    network, plan = filled(sketch.drawn()), planned(structure="channel", sparsity=0.5)
    network.values["a.kernel"][...] *= np.array([[1e-3], [1e-3], [1e-3], [1e3]], np.float32)
    found = pools(network, plan, None)
    assert decide(found, plan, network.graph()).removed == {"a": 3, "b": 1}


def test_batches_are_averaged_not_overwritten():
    """Torch-Pruning's Hessian and activation importance keep the last batch only."""
    batches = [{"w": np.full((1, 1), g, np.float32)} for g in (1, 2, 6)]
    needs = {Need.GRADIENT, Need.SQUARED_GRADIENT, Need.SQUARED_ROW_PRODUCT}
    signals = gather({"w": np.ones((1, 1), np.float32)}, needs, batches)["w"]
    assert signals.gradient == 3
    assert signals.squared_gradient == pytest.approx((1 + 4 + 36) / 3)
    assert signals.squared_row_product == pytest.approx((1 + 4 + 36) / 3)


def test_taylor_is_not_the_absolute_value_of_a_sum():
    """Torch-Pruning's GroupTaylor takes |Σ g w| of one gradient. Gradients that cancel over batches still count."""
    weight = np.array([[1.0, 1.0]], np.float32)
    batches = [{"w": np.array([[s, 0.0]], np.float32)} for s in (3, -3)]
    signals = gather({"w": weight}, {Need.SQUARED_GRADIENT, Need.SQUARED_ROW_PRODUCT}, batches)["w"]
    np.testing.assert_array_equal(CRITERIA["taylor"].entries(signals, RNG), [[9, 0]])
    np.testing.assert_array_equal(CRITERIA["taylor"].rows(signals, RNG), [9])


def test_signs_within_a_channel_cancel_before_the_square():
    weight = np.array([[1.0, 1.0]], np.float32)
    signals = gather({"w": weight}, {Need.SQUARED_ROW_PRODUCT}, [{"w": np.array([[2.0, -2.0]], np.float32)}])["w"]
    np.testing.assert_array_equal(CRITERIA["taylor"].rows(signals, RNG), [0])


def test_a_masked_channel_takes_its_bias_and_normalisation_along(sketch, filled, planned):
    """A zero filter followed by BatchNorm still gives β - γ μ / σ (filter-pruning-geometric-median #27)."""
    sketch.input(1, 4, 4)
    sketch.conv("c", 4)
    sketch.norm("n")
    sketch.flatten()
    sketch.linear("f", 2)
    network, plan = filled(sketch.drawn()), planned(structure="channel", sparsity=0.5)
    masks = decide(pools(network, plan, None), plan, network.graph()).masks
    gone = ~masks["c.kernel"].kept.reshape(4, -1).any(axis=1)
    assert gone.sum() == 2
    for name in ("c.bias", "n.scale", "n.shift", "n.mean"):
        np.testing.assert_array_equal(~masks[name].kept, gone)
    assert "n.variance" not in masks  # it would become a division by nothing but epsilon
    np.testing.assert_array_equal(~masks["f.kernel"].kept, np.tile(np.repeat(gone, 16), (2, 1)))


def test_zeroed_only_channels_touch_nothing_but_their_rows(sketch, filled, planned):
    sketch.input(4)
    sketch.linear("a", 4)
    sketch.same(Op.OPAQUE)
    sketch.linear("b", 2)
    network, plan = filled(sketch.drawn()), planned(structure="channel", sparsity=0.5)
    assert set(decide(pools(network, plan, None), plan, network.graph()).masks) == {"a.kernel", "a.bias"}


def test_coupled_layers_are_ranked_together_on_one_scale(sketch, filled, planned):
    """A layer of a residual sum cannot lose a channel alone (fasterai PR #40); the score is the mean of both rows."""
    sketch.input(4)
    first = sketch.linear("a", 3)
    second = sketch.linear("b", 3)
    sketch.same(Op.ADD, first, second)
    sketch.linear("c", 2)
    network = filled(sketch.drawn())
    (pool,) = pools(network, planned(structure="channel", criterion="l1_norm"), None).values()
    expected = [np.abs(network.values[f"{layer}.kernel"]).sum(axis=1) for layer in "ab"]
    np.testing.assert_allclose(pool.scores, np.mean(expected, axis=0), rtol=1e-6)


def test_global_channels_are_compared_relative_to_their_group(sketch, filled, planned):
    """Sums over more weights are larger: without the group's mean a wide fan-in would always win."""
    sketch.input(4)
    sketch.linear("a", 10)
    sketch.linear("b", 10)
    sketch.linear("c", 2)
    network, plan = filled(sketch.drawn()), planned(structure="channel", criterion="l1_norm", sparsity=0.5)
    before = decide(pools(network, plan, None), plan, network.graph()).removed
    network.values["b.kernel"][...] *= 1000
    assert decide(pools(network, plan, None), plan, network.graph()).removed == before


def test_chance_treats_coupled_and_single_layers_alike(sketch, filled, planned):
    """The mean of two draws would hardly ever be low: a control must not spare residual sums."""
    sketch.input(4)
    first = sketch.linear("a", 2000)
    second = sketch.linear("b", 2000)
    sketch.same(Op.ADD, first, second)
    sketch.linear("c", 2)
    pool = pools(filled(sketch.drawn()), planned(structure="channel", criterion="random"), None)["a"]
    assert np.mean(pool.scores < 0.1) == pytest.approx(0.1, abs=0.03)


def test_gone_channels_do_not_weigh_on_those_that_stay(sketch, filled, planned):
    """After a step the gone rows are zero; were they in the mean, a pruned group would look twice as valuable."""
    sketch.input(4)
    sketch.linear("a", 8)
    sketch.linear("b", 8)
    sketch.linear("c", 2)
    network, plan = filled(sketch.drawn()), planned(structure="channel")
    rows = np.arange(8) < 4
    before = {"a.kernel": Mask(np.repeat(~rows[:, None], 4, axis=1))}
    network.values["a.kernel"][...] = np.where(rows, 0, 1)[:, None]
    network.values["b.kernel"][...] = np.linspace(0.9, 1.1, 8)[:, None]
    removed = decide(pools(network, plan, None), plan, network.graph(), amount=0.375, before=before).removed
    assert removed == {"a": 4, "b": 2}


def test_missing_or_broken_gradients_are_named():
    weight = {"w": np.ones((1, 1), np.float32)}
    with pytest.raises(BadWeights, match='no gradient for "w"'):
        gather(weight, {Need.GRADIENT}, [{}])
    with pytest.raises(BadWeights, match='"w" is NaN'):
        gather(weight, {Need.GRADIENT}, [{"w": np.full((1, 1), np.nan, np.float32)}])
    with pytest.raises(EmptyData, match="no calibration batch"):
        gather(weight, {Need.GRADIENT}, [])


def test_nothing_is_computed_that_was_not_asked_for():
    def never():
        raise AssertionError("gradients were asked for")
        yield {}

    signals = gather({"w": np.ones((1, 1), np.float32)}, frozenset(), never())["w"]
    assert (signals.gradient, signals.squared_gradient, signals.squared_row_product) == (None, None, None)
