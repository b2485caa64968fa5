"""A person's own .csv: columns, labels, and errors that say where."""

import numpy as np
import pytest

from core.datasets import _csv, load
from core.errors import BadData, EmptyData, NotFinite, RefusedFile, WrongLabels
from core.plan import DataChoice

ROWS = [f"{i},{i * 2}.5,{'yes' if i % 2 else 'no'}" for i in range(20)]


@pytest.fixture
def save(tmp_path):
    def write(lines, encoding="utf-8"):
        path = tmp_path / "mine.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        return DataChoice(str(path))

    return write


def test_words_of_the_last_column_are_the_classes(save):
    parts = load(save(["height,width,kind", *ROWS]))
    assert parts.classes == ("no", "yes")
    assert parts.x_train.shape == (12, 2)
    assert [len(parts.split(part)[1]) for part in ("validation", "test")] == [4, 4]
    assert (parts.x_train[:, 0].astype(int) % 2 == parts.y_train).all()


@pytest.mark.parametrize("name", ["label", "Target", "CLASS", "y"])
def test_a_column_of_a_known_name_is_the_label_wherever_it_stands(save, name):
    parts = load(save([f"{name},a,b", *(f"{i % 3},{i},0" for i in range(20))]))
    assert parts.classes == ("0", "1", "2")
    assert (parts.x_test[:, 0].astype(int) % 3 == parts.y_test).all()


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_and_tabs_separate_too(save, separator):
    assert load(save([line.replace(",", separator) for line in ["a,b,c", *ROWS]])).x_train.shape == (12, 2)


def test_without_column_names_the_first_line_is_data_with_a_warning(save):
    parts = load(save([f"{i},{i % 2}" for i in range(10)]))
    assert sum(len(parts.split(part)[1]) for part in ("train", "validation", "test")) == 10
    assert "first line was read as data" in parts.warnings[0]


def test_blank_lines_quotes_and_a_byte_order_mark_do_no_harm(save):
    lines = ['"a, first",b,label', *ROWS[:10], "", *ROWS[10:], ""]
    assert load(save(lines, encoding="utf-8-sig")).x_train.shape == (12, 2)


def test_labels_spelled_as_whole_fractions_are_converted(save):
    parts = load(save(["a,y", *(f"{i},{i % 2}.0" for i in range(10))]))
    assert set(parts.y_train) == {0, 1}
    assert "floating-point" in parts.warnings[0]


@pytest.mark.parametrize(
    ("line", "error", "sentence"),
    [
        ("tall,1,no", BadData, 'Line 22, column "height" holds the text "tall"; features must be numbers'),
        (",1,no", NotFinite, 'Line 22, column "height" is empty'),
        ("nan,1,no", NotFinite, "Line 22 has a NaN"),
        ("1e99,1,no", NotFinite, "Line 22 has a NaN, infinite or too large"),
        ("1,no", BadData, "Line 22 has 2 cells; the table has 3 columns"),
        ("1,2,", BadData, 'Line 22 has no label in column "kind"'),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(save, line, error, sentence):
    with pytest.raises(error, match=sentence):
        load(save(["height,width,kind", *ROWS, line]))


def test_a_measurement_as_label_is_a_regression(save):
    parts = load(save(["a,price", *(f"{i},{i / 3}" for i in range(10))]))
    assert (parts.task, parts.classes) == ("values", ())
    np.testing.assert_allclose(parts.y_train, parts.x_train / 3, rtol=1e-6)


def test_a_number_too_large_to_count_classes_is_refused(save):
    with pytest.raises(WrongLabels, match='"kind" hold numbers far too large'):
        load(save(["a,kind", *(f"{i},{10**30 if i == 3 else i % 2}" for i in range(10))]))


def test_words_and_measurements_in_one_column_are_words(save):
    assert load(save(["a,kind", *(f"{i},{'none' if i % 2 else 1.5}" for i in range(10))])).classes == ("1.5", "none")


@pytest.mark.parametrize("lines", [[], ["a"], ["a", "1", "2"]])
def test_a_table_of_fewer_than_two_columns_is_refused(save, lines):
    with pytest.raises(BadData, match="at least two columns"):
        load(save(lines))


def test_too_few_rows_are_refused(save):
    with pytest.raises(EmptyData, match="has 3 rows; at least 5"):
        load(save(["a,b,c", *ROWS[:3]]))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(bytes(range(128, 256)) * 9)
    with pytest.raises(RefusedFile, match="not UTF-8"):
        load(DataChoice(str(path)))


def test_a_file_too_large_is_refused_unread(save, monkeypatch):
    monkeypatch.setattr(_csv, "LARGEST", 10)
    with pytest.raises(RefusedFile, match="at most 10"):
        load(save(["a,b,c", *ROWS]))


def test_values_are_float32(save):
    assert load(save(["a,b,c", *ROWS])).x_train.dtype == np.float32
