"""A layer of any size is a picture of at most 256 by 256 blocks that hides no large weight."""

import numpy as np
import pytest

from core.lab.picture import filters, matrix, share


def test_a_small_kernel_is_shown_as_it_is():
    kernel = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    np.testing.assert_array_equal(matrix(kernel), kernel.reshape(5, 6))


@pytest.mark.parametrize("shape", [(1000, 700), (257, 3), (3, 5000), (300, 20, 3, 3)])
def test_of_each_block_the_largest_magnitude_shows_with_its_sign(shape):
    kernel = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    kernel.reshape(-1)[7] = -50
    seen = matrix(kernel)
    assert max(seen.shape) <= 256
    assert seen.min() == -50
    assert set(seen.reshape(-1)) <= set(kernel.reshape(-1))


def test_two_by_two_blocks_by_hand():
    seen = matrix(np.array([[1, -3, 0, 0], [2, 2, 0.5, -0.25]], np.float32), largest=2)
    np.testing.assert_array_equal(seen, [[-3, 0], [2, 0.5]])


def test_the_share_kept_of_all_blocks_is_the_share_kept():
    kept = np.random.default_rng(0).random((512, 1024)) < 0.3
    seen = share(kept)
    assert seen.shape == (256, 256)
    assert seen.mean() == pytest.approx(kept.mean(), rel=1e-5)
    assert seen.min() >= 0 and seen.max() <= 1


def test_the_share_of_uneven_blocks_stays_a_share():
    np.testing.assert_array_equal(share(np.ones((300, 700), np.bool_)), 1)


def test_filters_come_one_by_one_and_a_matrix_has_none():
    kernel = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    found = filters(kernel)
    assert found.shape == (6, 2, 2)
    np.testing.assert_array_equal(found[4], kernel[1, 1])
    assert filters(np.zeros((100, 40, 3), np.float32)).shape == (64 * 16, 1, 3)
    assert filters(np.zeros((4, 4), np.float32)) is None
    assert filters(np.zeros((4, 4, 1, 1), np.float32)) is None
