"""Numbers a reader can check by eye."""

import numpy as np
import pytest

from core.allocations import ALLOCATIONS, Claim
from core.criteria import CRITERIA, Need, Signals, gather
from core.schedules import SCHEDULES
from core.selection import lowest
from core.structures import STRUCTURES

WEIGHT = np.array([[1, -2], [3, -4]], np.float32)
#: Two calibration batches.
GRADIENTS = (np.array([[1, 1], [0, 1]], np.float32), np.array([[3, -1], [0, 1]], np.float32))
RNG = np.random.default_rng(0)


def signals(*needs: Need) -> Signals:
    return gather({"w": WEIGHT}, needs, [{"w": g} for g in GRADIENTS])["w"]


def test_magnitude():
    np.testing.assert_array_equal(CRITERIA["magnitude"].entries(signals(), RNG), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(CRITERIA["magnitude"].rows(signals(), RNG), [1.5, 3.5])


def test_gradient_is_the_absolute_mean_not_the_mean_of_absolutes():
    """Means over the two batches: (1 + 3) / 2 = 2, (1 - 1) / 2 = 0."""
    given = signals(Need.GRADIENT)
    np.testing.assert_array_equal(CRITERIA["gradient"].entries(given, RNG), [[2, 0], [0, 1]])
    np.testing.assert_array_equal(CRITERIA["gradient"].rows(given, RNG), [1, 0.5])


def test_taylor_squares_every_batch_before_the_mean():
    """g w: [[1, -2], [0, -4]] and [[3, 2], [0, -4]]; squares averaged: (1 + 9) / 2, (4 + 4) / 2, 0, 16."""
    np.testing.assert_array_equal(CRITERIA["taylor"].entries(signals(Need.SQUARED_GRADIENT), RNG), [[5, 4], [0, 16]])


def test_taylor_of_a_channel_sums_before_it_squares():
    """Row sums of g w: -1 and -4, then 5 and -4; squares averaged: (1 + 25) / 2 = 13 and 16."""
    np.testing.assert_array_equal(CRITERIA["taylor"].rows(signals(Need.SQUARED_ROW_PRODUCT), RNG), [13, 16])


def test_norms_of_a_channel():
    three_four = Signals(np.array([[3, -4], [0, 2]], np.float32))
    np.testing.assert_array_equal(CRITERIA["l1_norm"].rows(three_four, RNG), [7, 2])
    np.testing.assert_array_equal(CRITERIA["l2_norm"].rows(three_four, RNG), [5, 2])


def test_cubic_schedule_of_zhu_and_gupta():
    """arXiv:1710.01878, eq. 1, 0 to 0.8 in 4 steps: s (1 - (1 - t / 4)^3); 1 - 27/64, 1 - 8/64, 1 - 1/64, 1 of s."""
    expected = [0.8 * share for share in (37 / 64, 56 / 64, 63 / 64, 1)]
    assert SCHEDULES["cubic"].amounts(0.8, 4) == pytest.approx(expected, abs=1e-12)


def test_equal_steps():
    assert SCHEDULES["iterative"].amounts(0.8, 4) == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_global_takes_the_lowest_of_all():
    claims = [Claim("a", np.array([1, 2, 9, 9], np.float32), 0, 4), Claim("b", np.array([3, 4], np.float32), 0, 2)]
    assert ALLOCATIONS["global"].counts(claims, 0.5, lambda size, amount: round(size * amount)) == [2, 1]
    assert ALLOCATIONS["uniform"].counts(claims, 0.5, lambda size, amount: round(size * amount)) == [2, 1]
    assert ALLOCATIONS["thresholds"].counts(claims, 0.5, lambda size, amount: round(size * amount)) == [0, 0]


def test_global_passes_over_a_pool_that_must_keep_one_and_takes_the_next():
    """Trap: Torch-Pruning issue #448, a cap that global pruning forgets. 'a' may lose one; 3 comes from 'b' instead."""
    claims = [Claim("a", np.array([1, 2], np.float32), 0, 1), Claim("b", np.array([3, 4], np.float32), 0, 1)]
    assert ALLOCATIONS["global"].counts(claims, 0.5, lambda size, amount: round(size * amount)) == [1, 1]


def test_ties_go_first_index_first():
    np.testing.assert_array_equal(lowest(np.array([2, 1, 2, 2], np.float32), 3), [True, True, True, False])


@pytest.mark.parametrize(
    ("size", "amount", "kept"), [(10, 0.9, 1), (10, 0.3, 7), (3, 0.5, 1), (16, 0.25, 12), (7, 0.99, 0)]
)
def test_channels_kept_are_rounded_down_as_torch_pruning_does(size, amount, kept):
    """10 x (1 - 0.9) is 0.9999999999999998 in floating point: one channel stays all the same."""
    assert size - STRUCTURES["channel"].quota(size, amount) == kept
