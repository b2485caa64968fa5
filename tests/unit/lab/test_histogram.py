"""Counts add up to the size, whatever the values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import BadWeights
from core.lab import histogram
from core.lab.histogram import dead, linear, logarithmic, near_zero, signed

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=20), elements=FINITE))
def test_every_entry_is_counted_once(values):
    for made in (linear(values), logarithmic(values), signed(values)):
        assert made.counts.sum() == values.size
        assert (np.diff(made.edges) > 0).all()
        assert np.isfinite(made.edges).all()


def test_counts_are_numpys_where_nothing_lies_outside():
    values = np.random.default_rng(0).random(5000).astype(np.float32)
    made = linear(values)
    assert abs(made.counts - np.histogram(values, made.edges)[0]).sum() <= 4  # entries on an edge, rounded
    assert made.edges[0] == 0
    assert made.edges[-1] == pytest.approx(values.max())


@pytest.mark.parametrize("constant", [0.0, 3.0, 1e-30, -2.0])
def test_constant_values_give_a_histogram_with_one_bar(constant):
    values = np.full(100, constant, np.float32)
    for made in (linear(values), logarithmic(values), signed(values)):
        assert np.count_nonzero(made.counts) == 1


def test_one_outlier_does_not_squeeze_all_others_into_one_bar():
    values = np.append(np.random.default_rng(0).random(100_000), 1000).astype(np.float32)
    made = linear(values)
    assert made.edges[-1] < 1.3
    assert np.count_nonzero(made.counts) > 50
    assert made.counts.sum() == values.size


def test_zeros_are_in_the_first_bar_of_a_log_axis_that_spans_eight_decades_at_most():
    values = np.array([0, 0, 0, 1e-20, 1e-3, 1], np.float32)
    made = logarithmic(values)
    assert made.edges[-1] == pytest.approx(0)
    assert made.edges[0] == pytest.approx(-8)
    assert made.counts[0] == 4


def test_signed_weights_lie_on_an_axis_that_is_the_same_on_both_sides():
    made = signed(np.array([-1, 0.5, 0.2], np.float32))
    assert made.edges[0] == -made.edges[-1] == -1


def test_nan_and_infinite_values_are_named():
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(BadWeights, match="NaN or infinite"):
            linear(np.array([1, bad], np.float32))


def test_nothing_at_all_gives_empty_bars():
    assert linear(np.zeros(0, np.float32)).counts.sum() == 0


def test_near_zero_and_dead_are_counted_against_the_root_mean_square():
    kernel = np.ones((4, 3, 2), np.float32)
    kernel[1] = 0
    kernel[2, 0, 0] = 1e-4
    assert near_zero(kernel) == 7
    assert dead(kernel) == 1
    assert dead(np.zeros((3, 2), np.float32)) == 3
    assert near_zero(np.zeros((3, 2), np.float32)) == 6


@pytest.mark.parametrize("turned", [False, True])
def test_chunks_change_nothing(monkeypatch, turned):
    values = np.random.default_rng(0).normal(size=(37, 11, 3)).astype(np.float32)
    values = np.asfortranarray(values) if turned else values[:, ::-1]
    whole = linear(values), logarithmic(np.abs(values)), signed(values), near_zero(values)
    monkeypatch.setattr(histogram, "CHUNK", 64)
    parts = linear(values), logarithmic(np.abs(values)), signed(values), near_zero(values)
    for one, other in zip(whole[:3], parts[:3], strict=True):
        np.testing.assert_array_equal(one.counts, other.counts)
    assert whole[3] == parts[3]
