"""Axis ranges stand still."""

from hypothesis import given
from hypothesis import strategies as some

from core.charts.frame import padded, positive_range, share_range, size_range

SHARES = some.lists(some.floats(0, 1), min_size=1, max_size=8)


@given(SHARES, some.floats(0, 1))
def test_a_new_share_never_narrows_the_range(values, new):
    low, high = share_range(values)
    lower, higher = share_range([*values, new])
    assert lower <= low + 1e-12 and higher >= high - 1e-12


@given(SHARES)
def test_all_shares_lie_inside(values):
    low, high = share_range(values)
    assert 0 <= low <= min(values) + 1e-9 and max(values) - 1e-9 <= high <= 1


@given(some.lists(some.floats(1e-3, 1e12), min_size=1, max_size=8))
def test_all_sizes_lie_inside_and_above_zero(values):
    low, high = size_range(values)
    assert 0 < low < min(values) and high > max(values)


def test_ends_are_round_numbers():
    assert share_range([0.952, 0.988]) == (0.95, 0.99)
    assert share_range([0.3, 0.99]) == (0.3, 1.0)
    assert positive_range([0.31, 2.3]) == (0.0, 3.0)
    assert size_range([617, 61706])[0] == 500


def test_nothing_measured_still_gives_a_range():
    assert share_range([]) == (0.0, 1.0)
    assert positive_range([]) == (0.0, 1.0)
    assert size_range([]) == (1.0, 10.0)
    assert padded(0.0, 1.0) == (-0.05, 1.05)
