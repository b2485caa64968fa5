"""A person's own ``.csv`` file: numbers in columns, one column of labels."""

import csv
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.datasets._base import Parts, parted
from core.datasets._targets import targets
from core.errors import BadData, EmptyData, NotFinite, RefusedFile

LABEL_NAMES = ("label", "target", "class", "y")
LARGEST = 200 << 20
_SEPARATORS = ",;\t"


def load_csv(path: Path) -> Parts:
    """The parts of a table: 60 % to train, 20 % to validate, 20 % to test, classes in proportion, always the same.

    The label column is called label, target, class or y, or is the last one. Labels may be words; fractions make it a
    regression.

    Raises:
        RefusedFile: The file is too large or no text.
        BadData: A cell is missing or no number, rows differ in length, or there is too little; the message says where.
    """
    if path.stat().st_size > LARGEST:
        raise RefusedFile(
            f'"{path.name}" has {path.stat().st_size} bytes; at most {LARGEST} are read. Use an .npz file.'
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return _parts(path.name, lines)
    except UnicodeDecodeError as err:
        raise RefusedFile(f'"{path.name}" is not UTF-8 text. Save the table again as CSV in UTF-8.') from err
    except csv.Error as err:
        raise BadData(f'"{path.name}" cannot be read as a table: {err}.') from err


def _parts(name: str, lines: Iterable[str]) -> Parts:
    rows = _rows(iter(lines))
    _, first = next(rows, (1, []))
    if len(first) < 2:
        raise BadData(f'"{name}" needs at least two columns, one of them the labels; the first line has {len(first)}.')
    warnings: tuple[str, ...] = ()
    columns = first
    body: Iterable[tuple[int, Sequence[str]]] = rows
    if all(_is_number(cell) for cell in first):
        columns = [f"column {number}" for number in range(1, len(first) + 1)]
        body = [(1, first), *rows]
        warnings = ("There is no line of column names: the first line was read as data, the last column as labels.",)
    label = _label_column(columns)
    values, words = _numbers(body, columns, label)
    if len(words) < 5:
        raise EmptyData(f'"{name}" has {len(words)} rows; at least 5 are needed for train, validation and test parts.')
    x = np.frombuffer(values, dtype=np.float32).reshape(len(words), -1)
    found = targets({columns[label]: np.array([_cell(word) for word in words])})
    held, kind = max(1, round(len(words) / 5)), "table"
    parts = parted(name, x, found.arrays[0], classes=found.classes, kind=kind, validation=held, test=held)
    return replace(parts, own=True, warnings=warnings + found.warnings)


def _rows(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is not blank."""
    first = next(lines, "")
    separator = max(_SEPARATORS, key=first.count)
    yield 1, [cell.strip() for cell in next(csv.reader([first], delimiter=separator), [])]
    reader = csv.reader(lines, delimiter=separator)
    for cells in reader:
        if any(cells):
            yield reader.line_num + 1, [cell.strip() for cell in cells]


def _label_column(columns: Sequence[str]) -> int:
    lower = [column.lower() for column in columns]
    return next((lower.index(name) for name in LABEL_NAMES if name in lower), len(columns) - 1)


def _numbers(
    rows: Iterable[tuple[int, Sequence[str]]], columns: Sequence[str], label: int
) -> tuple["array[float]", list[str]]:
    values, words = array("f"), []
    for line, cells in rows:
        if len(cells) != len(columns):
            raise BadData(f"Line {line} has {len(cells)} cells; the table has {len(columns)} columns.")
        if not cells[label]:
            raise BadData(f'Line {line} has no label in column "{columns[label]}".')
        words.append(cells[label])
        features = [cell for place, cell in enumerate(cells) if place != label]
        try:
            values.extend(map(float, features))
        except ValueError as err:
            raise _not_a_number(line, cells, columns, label) from err
        if not np.isfinite(values[-len(features) :]).all():
            raise NotFinite(f"Line {line} has a NaN, infinite or too large value. Fill it or drop the line.")
    return values, words


def _not_a_number(line: int, cells: Sequence[str], columns: Sequence[str], label: int) -> BadData:
    place = next(p for p, cell in enumerate(cells) if p != label and not _is_number(cell))
    if not cells[place]:
        return NotFinite(f'Line {line}, column "{columns[place]}" is empty. Fill it or drop the line.')
    return BadData(
        f'Line {line}, column "{columns[place]}" holds the text "{cells[place][:40]}"; features must be numbers. '
        "Encode it as numbers or leave the column out."
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _cell(word: str) -> int | float | str:
    """A label as the number it spells, or as it is."""
    try:
        return int(word)
    except ValueError:
        return float(word) if _is_number(word) else word
