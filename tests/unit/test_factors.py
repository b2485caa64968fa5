"""Ranks by hand, and factors that are the nearest product."""

import numpy as np
import pytest

from core.errors import BadModel
from core.factors import (
    Spectrum,
    by_energy,
    by_share,
    checked,
    factors,
    fixed,
    least_share,
    product,
    spectrum,
    standing_for,
    unfactorable,
)
from core.graph import Graph, Node, Op
from core.histograms import before_and_after
from core.results import LayerResult, by_layer


def of(name, rows, columns, *values):
    return Spectrum(name, rows, columns, np.array(values, np.float64))


#: Squares 16, 4, 4, 1, 0 of 25: shares 0.64, 0.8, 0.96, 1, 1. Two factors of rank r have 15 r entries, the kernel 50.
FIRST = of("a", 10, 5, 4.0, 2.0, 2.0, 1.0, 0.0)
#: Squares 9, 1 of 10: shares 0.9, 1. Rank r costs 22 r of 40: only rank 1 is smaller.
SECOND = of("b", 2, 20, 3.0, 1.0)


def test_the_energy_asked_for_is_kept_with_the_fewest_terms():
    assert by_energy([FIRST], 0.64) == {"a": 1}
    assert by_energy([FIRST], 0.65) == {"a": 2}
    assert by_energy([FIRST], 0.8) == {"a": 2}
    assert by_energy([FIRST], 0.96) == {"a": 3}


def test_factors_no_smaller_than_the_kernel_leave_it_whole():
    assert FIRST.most == 3
    assert by_energy([FIRST, SECOND], 0.97) == {"a": None, "b": None}
    assert fixed([FIRST, SECOND], {"a": 4, "b": 1}) == {"a": None, "b": 1}
    assert of("even", 4, 4, 1.0, 1.0, 1.0, 1.0).most == 1  # rank 2 has 16 entries, as many as the kernel


def test_a_budget_buys_the_terms_that_keep_most_for_each_entry():
    # Of 90 entries: rank 1 of both takes 15 + 22 = 37. A second term of "a" adds 0.16 for 15 entries, a third as much
    # again; "b" whole adds 0.1 for 18.
    assert by_share([FIRST, SECOND], 37 / 90, {}) == {"a": 1, "b": 1}
    assert by_share([FIRST, SECOND], 52 / 90, {}) == {"a": 2, "b": 1}
    assert by_share([FIRST, SECOND], 67 / 90, {}) == {"a": 3, "b": 1}
    assert by_share([FIRST, SECOND], 72 / 90, {}) == {"a": None, "b": 1}  # 5 entries more and "a" is whole
    assert by_share([FIRST, SECOND], 1.0, {}) == {"a": None, "b": None}


def test_a_budget_for_everything_leaves_a_flat_kernel_whole():
    flat = of("flat", 10, 10, *[1.0] * 10)  # six terms at once make rank 4 whole, for the entries of one
    assert flat.most == 4
    assert by_share([flat], 1.0, {}) == {"flat": None}
    assert by_share([flat], 0.9, {}) == {"flat": 4}


def test_a_budget_holds_what_a_person_fixed():
    assert by_share([FIRST, SECOND], 60 / 90, {"a": 1}) == {"a": 1, "b": None}


def test_a_budget_below_rank_one_everywhere_comes_to_that():
    assert least_share([FIRST, SECOND], {}) == pytest.approx(37 / 90)
    assert by_share([FIRST, SECOND], 36 / 90, {}) == {"a": 1, "b": 1}
    assert least_share([FIRST, SECOND], {"a": None}) == pytest.approx(72 / 90)


@pytest.mark.parametrize("shape", [(6, 9), (5, 3, 3, 3), (4, 3, 5)])
def test_the_factors_are_the_nearest_product_of_their_rank(shape):
    kernel = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    values = spectrum("k", kernel).values
    for rank in (1, len(values) - 1, len(values)):
        up, down = factors(kernel, rank)
        assert up.shape == (shape[0], rank, *(1 for _ in shape[2:]))
        assert down.shape == (rank, *shape[1:])
        left = np.linalg.norm(kernel - product(up, down))  # Eckart & Young: the root of the squares left out
        assert left == pytest.approx(np.sqrt(np.square(values[rank:]).sum()), abs=1e-5)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40)])
def test_large_kernels_take_a_quicker_way_to_the_same_factors(monkeypatch, shape):
    kernel = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected, values = factors(kernel, 7), spectrum("k", kernel).values
    monkeypatch.setattr("core.factors._LARGE", 1)
    np.testing.assert_allclose(spectrum("k", kernel).values, values, rtol=1e-6)
    for found, wanted in zip(factors(kernel, 7), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_kernel_of_zeros_needs_one_term():
    assert by_energy([spectrum("k", np.zeros((4, 9), np.float32))], 0.9) == {"k": 1}


def graph(op, role="kernel", shape=(4, 4), **attrs):
    nodes = (
        Node("x", Op.INPUT, (), (4,)),
        Node("n", op, ("x",), (4,), "layer", attrs),
        Node("y", Op.OUTPUT, ("n",), (4,)),
    )
    return Graph(nodes, {f"layer.{role}": shape}, {"layer": "Layer"})


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (graph(Op.GRU), "recurrent"),
        (graph(Op.LSTM, "recurrent"), "recurrent"),
        (graph(Op.ATTENTION, "query"), "attention"),
        (graph(Op.CONV, shape=(4, 2, 3), groups=2), "grouped"),
        (graph(Op.CONV_TRANSPOSE, shape=(4, 4, 3)), "transposed"),
        (graph(Op.SEPARABLE_CONV, "pointwise"), "separable"),
        (graph(Op.OPAQUE), "computed as it is"),
    ],
)
def test_what_cannot_be_factorised_is_said_by_name(made, reason):
    (name,) = unfactorable(made)
    pair = np.ones((4, 1), np.float32), np.ones((1, 4), np.float32)
    with pytest.raises(BadModel, match=f'"{name}" cannot be factorised: .*{reason}'):
        checked(made, {name: pair})


def test_factors_of_another_shape_are_refused():
    pair = np.ones((4, 2), np.float32), np.ones((3, 4), np.float32)
    with pytest.raises(BadModel, match=r'factors of "layer.kernel".*\(4, 2\).*\(3, 4\)'):
        checked(graph(Op.LINEAR), {"layer.kernel": pair})
    with pytest.raises(BadModel, match='no kernel "other.kernel"'):
        checked(graph(Op.LINEAR), {"other.kernel": pair})


def test_what_is_left_of_a_layer_that_became_two_is_counted_in_both():
    dense = {"a.kernel": np.ones((4, 4), np.float32), "b.kernel": np.ones((4, 4), np.float32)}
    down, up = np.full((1, 4), 2, np.float32), np.full((4, 1), -3, np.float32)
    up[0] = 0
    left = {"a_down.kernel": down, "a_up_down.kernel": up[:1], "a_up_up.kernel": up, "b.kernel": dense["b.kernel"]}
    network = Graph((), {name: array.shape for name, array in dense.items()}, {"a": "Layer", "b": "Layer"})
    assert standing_for("a.kernel", left) == ("a_down.kernel", "a_up_down.kernel", "a_up_up.kernel")
    assert standing_for("c.kernel", left) == ()
    assert by_layer(network, left) == (LayerResult("a", 16, 7), LayerResult("b", 16, 16))
    drawn = before_and_after(network, dense, left)["a.kernel"]
    assert (drawn["gone"], sum(drawn["after"]), sum(drawn["before"])) == (9, 7, 16)
