"""A person's own .npz: what is read, what is refused, and that nothing is ever unpickled."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.datasets import _npz, load
from core.errors import BadData, EmptyData, NotFinite, RefusedFile, UnknownName, WrongLabels, WrongShape
from core.plan import DataChoice


@pytest.fixture
def save(tmp_path):
    def write(**changes):
        rng = np.random.default_rng(0)
        arrays = {
            "x_train": rng.random((50, 4), dtype=np.float32),
            "y_train": np.arange(50) % 2,
            "x_test": rng.random((20, 4), dtype=np.float32),
            "y_test": np.arange(20) % 2,
        } | changes
        path = tmp_path / "mine.npz"
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
        return DataChoice(str(path))

    return write


def test_ten_percent_of_train_go_to_validation_always_the_same_ones(save):
    choice = save()
    parts = load(choice)
    assert [len(parts.split(part)[1]) for part in ("train", "validation", "test")] == [45, 5, 20]
    assert parts.own
    assert parts.name == "mine.npz"
    assert load(choice).fingerprint == parts.fingerprint


def test_compressed_files_and_bytes_are_read(save, tmp_path):
    x = np.zeros((3000, 8, 8, 3), np.uint8)
    path = tmp_path / "zeros.npz"
    np.savez_compressed(path, x_train=x, y_train=np.zeros(3000, int), x_test=x, y_test=np.zeros(3000, int))
    parts = load(DataChoice(str(path)))
    assert parts.x_test.dtype == np.float32
    assert parts.sample_kind == "picture"


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (np.eye(2)[np.arange(50) % 2], "One-hot labels were converted to integers."),
        (np.arange(50) % 2 * 1.0, "Labels given as floating-point numbers were converted to integers."),
        ((np.arange(50) % 2)[:, None], None),
        (np.arange(50) % 2 == 1, None),
    ],
)
def test_labels_are_converted_to_integers_from_0(save, y, sentence):
    parts = load(save(y_train=y))
    assert parts.y_train.dtype == np.int64
    assert set(parts.y_train) == {0, 1}
    assert sentence is None or sentence in parts.warnings


def test_minus_one_and_one_become_two_classes(save):
    parts = load(save(y_train=np.arange(50) % 2 * 2 - 1, y_test=np.arange(20) % 2 * 2 - 1))
    assert parts.classes == ("0", "1")
    assert parts.warnings == ("Labels -1 and 1 were read as classes 0 and 1.",)


def test_words_become_classes_in_alphabetical_order(save):
    parts = load(save(y_train=np.array(["cat", "dog"] * 25), y_test=np.array(["ant", "dog"] * 10)))
    assert parts.classes == ("ant", "cat", "dog")
    assert set(parts.y_test) == {0, 2}


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"x_test": None}, BadData, "lacks x_test; it holds x_train, y_train, y_test"),
        ({"x_train": np.zeros((0, 4))}, EmptyData, r'"x_train" of shape \(0, 4\) holds no samples'),
        ({"x_train": np.zeros((1, 4)), "y_train": np.zeros(1, int)}, EmptyData, "a single sample"),
        ({"x_train": np.full((50, 4), np.nan)}, NotFinite, "in 50 of 50 samples, the first at index 0"),
        ({"x_test": np.full((20, 4), 1e300)}, NotFinite, "too large"),
        ({"x_train": np.zeros(50)}, WrongShape, "samples come first"),
        ({"x_test": np.zeros((20, 5))}, WrongShape, r"shape \(4,\), x_test of shape \(5,\)"),
        ({"x_train": np.zeros((50, 4), complex)}, BadData, "must be real numbers"),
        ({"y_train": np.zeros(49, int)}, BadData, "50 samples, y_train has 49 labels"),
        ({"y_train": np.linspace(0, 1, 50)}, WrongLabels, "values such as 0.02041"),
        ({"y_train": np.full(50, 1e300)}, WrongLabels, "values such as 1e\\+300"),
        ({n: np.array([b"\xff"] * s) for n, s in (("y_train", 50), ("y_test", 20))}, WrongLabels, "no UTF-8 text"),
        ({"y_train": np.full(50, np.inf)}, NotFinite, "NaN or infinite"),
        ({"y_train": np.full(50, -3)}, WrongLabels, "run from -3"),
        ({"y_train": np.full(50, 10**9)}, WrongLabels, "at most 99999"),
        ({"y_train": np.full(50, 2**63, np.uint64)}, WrongLabels, "numbered from 0"),
        ({"y_train": np.ones((50, 2))}, WrongLabels, "one integer per sample, or one-hot rows"),
        ({"y_train": np.zeros(0, int)}, EmptyData, "holds no labels"),
        ({"y_train": np.array(["a"] * 50)}, WrongLabels, "kind <U1"),
    ],
)
def test_data_that_cannot_be_used_is_named(save, changes, error, sentence):
    with pytest.raises(error, match=sentence):
        load(save(**changes))


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def test_pickled_objects_are_refused_and_not_opened(save):
    with pytest.raises(RefusedFile, match="holds Python objects, which are never opened"):
        load(save(y_train=np.array([Trap()] * 50, dtype=object)))


def test_a_header_that_promises_more_than_the_file_holds_takes_no_memory(save, tmp_path):
    path = tmp_path / "liar.npz"
    with np.load(save().name) as held, zipfile.ZipFile(path, "w") as archive:
        for name in held:
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, held[name])
    raw = path.read_bytes().replace(b"'shape': (50, 4), }  ", b"'shape': (5000000000, 4), }"[:21].ljust(21))
    path.write_bytes(raw)
    with pytest.raises(RefusedFile, match="damaged"):
        load(DataChoice(str(path)))


def test_more_samples_than_memory_is_given_for_are_refused(save, monkeypatch):
    choice = save()
    monkeypatch.setattr(_npz, "LARGEST", 900)
    with pytest.raises(RefusedFile):
        load(choice)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "no.npz"
    path.write_bytes(content)
    with pytest.raises(RefusedFile):
        load(DataChoice(str(path)))


def test_a_damaged_file_is_refused_wherever_it_is_damaged(save, tmp_path):
    good = bytearray(Path(save().name).read_bytes())
    for place in range(0, len(good), 97):
        bad = bytearray(good)
        bad[place] ^= 0xFF
        path = tmp_path / "bad.npz"
        path.write_bytes(bad)
        try:
            load(DataChoice(str(path)))
        except (RefusedFile, BadData):
            continue


def test_a_name_that_is_nothing_lists_what_there_is():
    with pytest.raises(
        UnknownName, match=r"There is no data set \"digit\". Choose one of: digits, iris.*\.npz or \.csv"
    ):
        load(DataChoice("digit"))


def test_a_path_to_nothing_says_so(tmp_path):
    with pytest.raises(BadData, match="There is no file"):
        load(DataChoice(str(tmp_path / "gone.npz")))
