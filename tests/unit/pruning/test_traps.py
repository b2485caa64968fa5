"""Mistakes found in other pruning libraries, each with the case that shows it."""

import numpy as np
import pytest

from core.criteria import CRITERIA, Need, gather
from core.errors import BadWeights, EmptyData
from core.graph import Op
from core.masks import Mask
from core.pruning import decide, pools

RNG = np.random.default_rng(0)


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
    batches = [{"w": np.array([[s, 0.0]], np.float32)} for s in (1, -1)]
    signals = gather({"w": weight}, {Need.SQUARED_GRADIENT, Need.SQUARED_ROW_PRODUCT}, batches)["w"]
    np.testing.assert_array_equal(CRITERIA["taylor"].entries(signals, RNG), [[1, 0]])
    np.testing.assert_array_equal(CRITERIA["taylor"].rows(signals, RNG), [1])


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
