"""Scaling: what each choice does to values, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from core.datasets import Parts, scaled


def parts_of(x, **options):
    x = np.asarray(x, dtype=np.float32)
    y = np.zeros(len(x), dtype=np.int64)
    return Parts("made", ("a",), x, y, x.copy(), y, 2 * x, y, **{"sample_kind": "table", **options})


def test_raw_changes_nothing():
    parts = parts_of([[3.0, 4.0]])
    assert scaled(parts, "raw") is parts


def test_unit_divides_whole_numbers_up_to_255_by_255():
    assert scaled(parts_of([[0, 51], [102, 255]]), "unit").x_train.tolist() == [
        [0, np.float32(0.2)],
        [np.float32(0.4), 1],
    ]


@pytest.mark.parametrize("x", [[[-1.0, 3.0]], [[0.5, 200.0]], [[0.0, 1000.0]], [[0.0, 1.0]]])
def test_unit_brings_anything_else_to_the_training_range(x):
    parts = scaled(parts_of(x), "unit")
    assert parts.x_train.min() == 0
    assert parts.x_train.max() == 1


def test_standard_gives_each_feature_mean_0_and_deviation_1_by_the_training_part():
    parts = scaled(parts_of([[0, 10], [2, 30]]), "standard")
    assert parts.x_train.tolist() == [[-1, -1], [1, 1]]
    assert parts.x_test.tolist() == [[-1, 0], [3, 4]]


def test_standard_leaves_a_constant_feature_at_0():
    assert scaled(parts_of([[7, 1], [7, 3]]), "standard").x_train[:, 0].tolist() == [0, 0]


def test_standard_takes_registered_pictures_by_their_first_axis():
    x = np.random.default_rng(0).normal(size=(50, 2, 4, 4)) * np.array([1, 9])[:, None, None]
    ready = scaled(parts_of(x, sample_kind="picture"), "standard").x_train
    assert ready.mean((0, 2, 3)) == pytest.approx(0, abs=1e-5)
    assert ready.std((0, 2, 3)) == pytest.approx(1, abs=1e-5)


def test_standard_finds_channels_last_in_a_persons_pictures():
    x = np.random.default_rng(0).normal(size=(50, 20, 20, 3)) * np.array([1, 9, 3])
    ready = scaled(replace(parts_of(x), own=True), "standard").x_train
    assert ready.std((0, 1, 2)) == pytest.approx(1, abs=1e-5)


def test_standard_takes_pictures_without_channels_as_a_whole():
    x = np.random.default_rng(0).normal(size=(9, 28, 28)) * np.arange(28)
    ready = scaled(replace(parts_of(x), own=True), "standard").x_train
    assert ready.std() == pytest.approx(1, abs=1e-4)
    assert ready.std((0, 1)).max() > 1.2


def test_samples_stay_float32_and_contiguous():
    ready = scaled(parts_of([[1, 2], [3, 5]]), "standard").x_train
    assert ready.dtype == np.float32
    assert ready.flags.c_contiguous
