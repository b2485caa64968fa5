"""Targets that are values, samples that are tokens, and data for several inputs."""

import numpy as np
import pytest

from core.datasets import fitted, load
from core.errors import BadData, NotFinite, WrongLabels, WrongShape
from core.inputs import Several
from core.plan import DataChoice

RNG = np.random.default_rng(0)
VALUES = RNG.random(50), RNG.random(20)


@pytest.fixture
def save(tmp_path):
    def write(scaling="raw", **changes):
        arrays = {
            "x_train": RNG.random((50, 4), dtype=np.float32),
            "y_train": VALUES[0],
            "x_test": RNG.random((20, 4), dtype=np.float32),
            "y_test": VALUES[1],
        } | changes
        path = tmp_path / "mine.npz"
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
        return DataChoice(str(path), scaling)

    return write


@pytest.mark.parametrize(
    ("train", "test", "width"),
    [
        (RNG.random(50), RNG.random(20), 1),
        (RNG.random((50, 1)), RNG.random((20, 1)), 1),
        (RNG.random((50, 3)), RNG.random((20, 3)), 3),
        (RNG.integers(0, 9, (50, 2)), RNG.integers(0, 9, (20, 2)), 2),
        (RNG.random(50), np.arange(20.0), 1),
        (np.arange(50.0) * 5000, np.arange(20.0), 1),  # prices
        (np.arange(50.0) - 9, np.arange(20.0), 1),  # temperatures
    ],
)
def test_fractions_and_several_numbers_a_sample_are_values(save, train, test, width):
    parts = load(save(y_train=train, y_test=test))
    assert (parts.task, parts.classes) == ("values", ())
    assert parts.y_train.dtype == np.float32
    assert parts.y_train.shape == (45, width)
    np.testing.assert_allclose(parts.y_test, np.reshape(test, (20, width)), rtol=1e-6)


def test_whole_numbers_stay_classes_however_they_are_kept(save):
    parts = load(save(y_train=np.arange(50) % 3 * 1.0, y_test=np.arange(20) % 3 * 1.0))
    assert (parts.task, parts.classes) == ("classes", ("0", "1", "2"))
    parts = load(save(y_train=np.arange(50) % 2 * 2.0 - 1, y_test=np.ones(20)))
    assert (parts.task, parts.classes) == ("classes", ("0", "1")), "-1 and 1 are the labels of two classes"


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"y_test": np.arange(20)}, WrongLabels, "give the targets of every part as floating-point numbers"),
        ({"y_train": np.append(RNG.random(49), np.nan)}, NotFinite, "NaN"),
        ({"y_train": RNG.random(50) * 1e300}, NotFinite, "too large"),
    ],
)
def test_values_that_cannot_be_used_are_named(save, changes, error, sentence):
    with pytest.raises(error, match=sentence):
        load(save(**changes))


def test_values_are_not_checked_against_classes(save):
    assert fitted(load(save()), ((4,),), 1, "pytorch").task == "values"


def tokens(low=0, high=10):
    return {"x_train": RNG.integers(low, high, (50, 6)), "x_test": RNG.integers(low, high, (20, 6))}


@pytest.mark.parametrize("scaling", ["raw", "unit", "standard"])
def test_tokens_stay_integers_and_are_never_scaled(save, scaling):
    given = tokens()
    parts = fitted(load(save(scaling, **given)), ((6,),), 2, "keras", tokens=(10,))
    assert parts.x_test.dtype == np.int64
    np.testing.assert_array_equal(parts.x_test, given["x_test"])


@pytest.mark.parametrize(("low", "high", "told"), [(0, 11, "from 0 to 10"), (-1, 10, "from -1 to 9")])
def test_tokens_that_cannot_be_looked_up_are_named(save, low, high, told):
    with pytest.raises(BadData, match=f'embedding has 10 rows, so tokens run from 0 to 9; "mine.npz" has .* {told}'):
        fitted(load(save(x_train=RNG.integers(low, high, (500, 6)), x_test=tokens()["x_test"],
                         y_train=RNG.random(500))), ((6,),), 2, "pytorch", tokens=(10,))  # fmt: skip


def test_whole_floats_are_tokens_and_fractions_are_not(save):
    whole = {name: x.astype(np.float32) for name, x in tokens().items()}
    assert fitted(load(save(**whole)), ((6,),), 2, "pytorch", tokens=(10,)).x_train.dtype == np.int64
    with pytest.raises(BadData, match="whole numbers from 0"):
        fitted(load(save("unit", **whole)), ((6,),), 2, "pytorch", tokens=(10,))


@pytest.mark.parametrize("scaling", ["raw", "unit", "standard"])
def test_integers_for_a_network_of_numbers_are_numbers_and_scaled(save, scaling):
    given = tokens()
    floats = {name: x.astype(np.float32) for name, x in given.items()}
    wanted = fitted(load(save(scaling, **floats)), ((6,),), 2, "pytorch")
    found = fitted(load(save(scaling, **given)), ((6,),), 2, "pytorch")
    assert found.x_train.dtype == np.float32
    np.testing.assert_array_equal(found.x_train, wanted.x_train)
    assert found.fingerprint == wanted.fingerprint


def two(train=50, test=20):
    return {
        "x_train": None,
        "x_test": None,
        "x_train.words": RNG.integers(0, 10, (train, 6)),
        "x_train.numbers": RNG.random((train, 3), dtype=np.float32),
        "x_test.words": RNG.integers(0, 10, (test, 6)),
        "x_test.numbers": RNG.random((test, 3), dtype=np.float32),
    }


def test_several_inputs_are_split_alike(save):
    given = two()
    given["x_train.numbers"][:, 0] = given["x_train.words"][:, 0]
    parts = load(save(**given))
    assert isinstance(parts.x_train, Several)
    assert parts.x_train.names == ("words", "numbers")
    for part in (parts.x_train, parts.x_validation):
        words, numbers = part.arrays
        np.testing.assert_array_equal(words[:, 0], numbers[:, 0])
    assert [len(parts.split(part)[0]) for part in ("train", "validation", "test")] == [45, 5, 20]


def test_they_are_matched_by_name_or_else_by_order(save):
    parts = load(save(**two()))
    named = fitted(parts, ((3,), (6,)), 2, "pytorch", names=("numbers", "words"), tokens=(None, 10))
    assert named.x_test.names == ("numbers", "words")
    assert [x.shape for x in named.x_test.arrays] == [(20, 3), (20, 6)]
    assert [x.dtype for x in named.x_test.arrays] == [np.float32, np.int64]
    ordered = fitted(parts, ((6,), (3,)), 2, "pytorch", names=("a", "b"), tokens=(10, None))
    assert [x.shape for x in ordered.x_test.arrays] == [(20, 6), (20, 3)]
    assert ordered.warnings[0].endswith('taken in their order: "words" for "a", "numbers" for "b".')
    partly = fitted(parts, ((3,), (6,)), 2, "pytorch", names=("numbers", "b"), tokens=(None, 10))
    assert [x.shape for x in partly.x_test.arrays] == [(20, 3), (20, 6)]
    assert '"numbers" for "numbers", "words" for "b"' in partly.warnings[0]
    assert named.warnings == ()
    with pytest.raises(WrongShape, match="takes samples of shape"):
        fitted(parts, ((3,), (6,)), 2, "pytorch", names=("a", "b"))


def test_each_input_is_scaled_and_laid_out_for_itself(save):
    given = two()
    parts = load(save("standard", **given))
    found = fitted(parts, ((2, 3), (3, 1)), 2, "pytorch", tokens=(10, None))
    words, numbers = found.x_train.arrays
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-5)
    assert (words.shape, numbers.shape) == ((45, 2, 3), (45, 3, 1))
    assert found.warnings[0].startswith('Input "words": Samples of shape (6,) were laid out as (2, 3)')


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"x_test.words": None}, BadData, "lacks x_test.words"),
        ({"x_train.words": np.zeros((9, 6))}, BadData, "x_train.words 9, x_train.numbers 50"),
        ({"x_test.numbers": np.zeros((20, 4))}, WrongShape, r"\(6,\) and \(3,\), x_test of shape \(6,\) and \(4,\)"),
    ],
)
def test_inputs_that_do_not_go_together_are_named(save, changes, error, sentence):
    with pytest.raises(error, match=sentence):
        load(save(**{**two(), **changes}))


def test_a_network_of_one_input_does_not_take_two(save):
    with pytest.raises(WrongShape, match="has one input; data with 2 arrays of samples"):
        fitted(load(save(**two())), ((6,),), 2, "pytorch")


def test_the_fingerprint_is_of_every_input(save):
    given = two()
    one = load(save(**given)).fingerprint
    given["x_test.words"][0, 0] += 1
    assert load(save(**given)).fingerprint != one
