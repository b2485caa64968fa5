"""Two criteria side by side: ranks, their correlation, what either takes, and which units a picture shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.comparison import Overlap, correlation, overlap, ranks, sampled


def test_ranks_share_the_mean_of_their_places():
    np.testing.assert_array_equal(ranks(np.array([3.0, 1.0, 3.0, -2.0])), [3.5, 2, 3.5, 1])


def test_spearman_by_hand():
    """Places 1 2 3 4 and 2 1 4 3: differences 1 each, 1 - 6 Σ d² / (n (n² - 1)) = 1 - 24 / 60 = 0.6."""
    found = correlation(ranks(np.array([1.0, 2, 3, 4])), ranks(np.array([20.0, 10, 40, 30])))
    assert found == pytest.approx(0.6)
    assert correlation(ranks(np.array([1.0, 2])), ranks(np.array([-1.0, -2]))) == -1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
@settings(max_examples=25, deadline=None)
def test_spearman_is_that_of_scipy_under_any_ties(pairs):
    spearmanr = pytest.importorskip("scipy.stats").spearmanr
    a, b = np.array(pairs, float).T
    found = correlation(ranks(a), ranks(b))
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_without_variation_there_is_no_correlation():
    assert correlation(ranks(np.ones(5)), ranks(np.arange(5.0))) is None
    assert correlation(np.ones(1), np.ones(1)) is None


def test_counts_of_what_goes_are_exact():
    a, b = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 0], bool)
    assert overlap(a, b) == Overlap(size=5, both=1, only_a=2, only_b=1)
    assert overlap(a, b).neither == 1
    assert overlap(a, b) + overlap(a, a) == Overlap(10, 4, 2, 1)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 4000)), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_a_picture_has_no_more_points_than_it_can_show_and_leaves_no_pool_out(sizes, seed):
    found = sampled(sizes, seed)
    assert sum(map(len, found.values())) <= 2000
    for name, size in sizes.items():
        assert 1 <= len(found[name]) <= size
        assert len(set(found[name].tolist())) == len(found[name])
        assert (np.diff(found[name]) > 0).all()
        assert found[name][-1] < size
    if sum(sizes.values()) <= 2000:
        assert sum(map(len, found.values())) == sum(sizes.values())


def test_the_same_seed_shows_the_same_units():
    first, again, other = (sampled({"a": 9000, "b": 50}, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first["a"], again["a"])
    assert (first["a"] != other["a"]).any()
