"""Calibration batches, and the hint about scaling."""

import numpy as np

from core.datasets import calibration, chance_hint, load
from core.plan import DataChoice


def test_batches_are_the_same_for_the_same_seed_and_never_repeat_a_sample():
    parts = load(DataChoice("digits"))
    first, again = (list(calibration(parts, 4, 50, seed=3)) for _ in range(2))
    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0][0], next(calibration(parts, 4, 50, seed=4))[0])
    everything = [y for _, y in calibration(parts, 10**6, 100, seed=0)]
    assert np.array_equal(np.bincount(np.concatenate(everything)), np.bincount(parts.y_train))


def test_batches_have_the_asked_size_as_far_as_the_data_goes():
    parts = load(DataChoice("iris"))
    assert [len(y) for _, y in calibration(parts, 2, 8, seed=0)] == [8, 8]
    assert [len(y) for _, y in calibration(parts, 8, 64, seed=0)] == [64, 26]


def test_accuracy_near_chance_raises_a_hint_with_the_range_of_values():
    hint = chance_hint(0.11, 10, load(DataChoice("digits")))
    assert hint is not None
    assert "near chance" in hint
    assert "from 0 to 1" in hint
    assert "try raw, unit or standard" in hint


def test_always_naming_the_commonest_class_counts_as_chance():
    parts = load(DataChoice("breast-cancer"))
    assert chance_hint(0.63, 2, parts)
    assert chance_hint(0.8, 2, parts) is None


def test_good_accuracy_raises_no_hint():
    assert chance_hint(0.5, 10, load(DataChoice("digits"))) is None
