"""Fitting samples to a network: what is converted, what is refused, and in which words."""

from dataclasses import replace

import numpy as np
import pytest

from core.datasets import Parts, fitted, load
from core.errors import WrongLabels, WrongShape
from core.plan import DataChoice


def parts_of(shape, *, own=True, labels=(0, 1, 2)):
    x = np.arange(3 * np.prod(shape), dtype=np.float32).reshape(3, *shape)
    y = np.array(labels, dtype=np.int64)
    return Parts("mine.npz", ("a", "b", "c"), x, y, x, y, x, y, sample_kind="picture", own=own)


def test_samples_that_fit_are_left_alone():
    parts = fitted(parts_of((3, 8, 8)), ((3, 8, 8),), 3, "pytorch")
    assert parts.x_train.shape == (3, 3, 8, 8)
    assert parts.warnings == ()


def test_channels_last_given_to_a_channels_first_network_are_moved_with_a_warning():
    parts = fitted(parts_of((8, 6, 3)), ((3, 8, 6),), 3, "pytorch")
    assert np.array_equal(parts.x_test, parts_of((8, 6, 3)).x_test.transpose(0, 3, 1, 2))
    assert parts.warnings == ("Channels were moved from last to first place: (8, 6, 3) became (3, 8, 6).",)


def test_channels_first_given_to_a_channels_last_network_are_moved_with_a_warning():
    parts = fitted(parts_of((3, 8, 6)), ((8, 6, 3),), 3, "keras")
    assert parts.x_train.shape == (3, 8, 6, 3)
    assert "from first to last place" in parts.warnings[0]


def test_registered_pictures_are_moved_for_keras_without_a_warning():
    parts = fitted(load(DataChoice("digits")), ((8, 8, 1),), 10, "keras")
    assert parts.x_train.shape == (1077, 8, 8, 1)
    assert parts.warnings == ()


def test_registered_pictures_go_channels_last_even_where_any_size_is_taken():
    assert fitted(parts_of((3, 8, 8), own=False), ((None, None, None),), 3, "keras").sample_shape == (8, 8, 3)
    assert fitted(parts_of((3, 8, 8), own=False), ((None, None, None),), 3, "pytorch").sample_shape == (3, 8, 8)
    assert fitted(parts_of((3, 8, 8)), ((None, None, None),), 3, "keras").sample_shape == (3, 8, 8)


def test_sizes_that_any_are_taken_of_still_tell_where_channels_belong():
    assert fitted(parts_of((3, 8, 8)), ((None, None, 3),), 3, "keras").sample_shape == (8, 8, 3)


def test_pictures_are_flattened_for_a_network_of_dense_layers():
    parts = fitted(parts_of((1, 8, 8)), ((64,),), 3, "pytorch")
    assert parts.x_train.shape == (3, 64)
    assert parts.warnings == ("Samples of shape (1, 8, 8) were laid out as (64,).",)


def test_registered_pictures_are_flattened_in_the_order_of_the_framework():
    parts = parts_of((3, 2, 2), own=False)
    assert fitted(parts, ((12,),), 3, "pytorch").x_train[0].tolist() == list(range(12))
    assert fitted(parts, ((12,),), 3, "keras").x_train[0].tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]


@pytest.mark.parametrize(("shape", "wanted"), [((8, 8), (1, 8, 8)), ((8, 8), (8, 8, 1)), ((64,), (1, 8, 8))])
def test_a_missing_channel_axis_is_added(shape, wanted):
    assert fitted(parts_of(shape), (wanted,), 3, "pytorch").sample_shape == wanted


@pytest.mark.parametrize("wanted", [(1, 28, 28), (3, 6, 8, 1), (2, 72), (143,), (None,)])
def test_other_sizes_are_refused_with_what_came_and_what_was_expected(wanted):
    with pytest.raises(WrongShape, match=r'takes samples of shape .*; "mine.npz" has samples of shape \(3, 8, 6\)'):
        fitted(parts_of((3, 8, 6)), (wanted,), 3, "pytorch")


def test_a_network_of_two_inputs_is_refused():
    with pytest.raises(WrongShape, match="has 2 inputs"):
        fitted(parts_of((4,)), ((4,), (4,)), 3, "pytorch")


def test_labels_beyond_the_networks_classes_are_refused():
    with pytest.raises(WrongLabels, match="tells 2 classes apart, so labels run from 0 to 1; .* from 0 to 2"):
        fitted(parts_of((4,)), ((4,),), 2, "pytorch")


def test_labels_counted_from_1_are_told_apart_from_other_mistakes():
    with pytest.raises(WrongLabels, match="Subtract 1"):
        fitted(parts_of((4,), labels=(1, 2, 3)), ((4,),), 3, "pytorch")


def test_one_sigmoid_unit_takes_two_classes():
    parts = fitted(replace(parts_of((4,), labels=(0, 1, 1)), classes=("no", "yes")), ((4,),), 2, "keras")
    assert parts.classes == ("no", "yes")


def test_a_network_may_know_more_classes_than_the_data():
    assert fitted(parts_of((4,)), ((4,),), 5, "pytorch").classes == ("a", "b", "c", "3", "4")
