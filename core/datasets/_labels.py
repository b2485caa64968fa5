"""Labels as people keep them - integers, one-hot rows, words - as integers from 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets._base import Labels, Targets
from core.errors import EmptyData, NotFinite, WrongLabels

#: A larger label is a measurement or a key, not a class.
MOST_CLASSES = 100_000


@dataclass(frozen=True)
class Found:
    """Targets of every part in the order given, the names of their classes, and what was converted."""

    arrays: tuple[Targets, ...]
    classes: tuple[str, ...]
    warnings: tuple[str, ...]


def labels(given: Mapping[str, NDArray[Any]]) -> Found:
    """Labels as int64 from 0.

    Args:
        given: By name ("y_train"): one integer, word or boolean per sample, or one-hot rows.

    Raises:
        WrongLabels: They are fractions, negative, far too large, or of a shape that is none of these.
        EmptyData: There are none.
        NotFinite: Some are NaN or infinite.
    """
    warnings: dict[str, None] = {}
    flat = {name: _one_per_sample(y, name, warnings) for name, y in given.items()}
    if all(y.dtype.kind in "US" for y in flat.values()):
        return _words([_text(y, name) for name, y in flat.items()])
    whole = [_whole(y, name, warnings) for name, y in flat.items()]
    if set(np.unique(np.concatenate(whole)).tolist()) == {-1, 1}:
        warnings["Labels -1 and 1 were read as classes 0 and 1."] = None
        whole = [(y + 1) // 2 for y in whole]
    low, high = min(int(y.min()) for y in whole), max(int(y.max()) for y in whole)
    if low < 0 or high >= MOST_CLASSES:
        raise WrongLabels(
            f"Labels are whole numbers from 0 (at most {MOST_CLASSES - 1}); these run from {low} to {high}."
        )
    return Found(tuple(whole), tuple(str(label) for label in range(high + 1)), tuple(warnings))


def _text(y: NDArray[Any], name: str) -> NDArray[np.str_]:
    if y.dtype.kind == "U":
        return y.astype(np.str_)
    try:
        return np.asarray(np.char.decode(y, "utf-8"), np.str_)
    except UnicodeDecodeError as err:
        raise WrongLabels(f'The labels "{name}" are bytes that are no UTF-8 text. Give words, or integers.') from err


def _words(arrays: list[NDArray[np.str_]]) -> Found:
    """Words in alphabetical order become 0, 1, 2 ..."""
    classes, places = np.unique(np.concatenate(arrays), return_inverse=True)
    ends = np.cumsum([len(words) for words in arrays])[:-1]
    return Found(tuple(np.split(places.astype(np.int64), ends)), tuple(classes.tolist()), ())


def _one_per_sample(y: NDArray[Any], name: str, warnings: dict[str, None]) -> NDArray[Any]:
    if y.size == 0:
        raise EmptyData(f'The array "{name}" holds no labels.')
    if y.ndim == 2 and y.shape[1] == 1:
        return y[:, 0]
    if y.ndim == 2 and y.dtype.kind in "fiub" and one_hot(y):
        warnings["One-hot labels were converted to integers."] = None
        return np.asarray(np.argmax(y, axis=1))
    if y.ndim != 1:
        raise WrongLabels(
            f'The array "{name}" has shape {y.shape}; labels are one integer per sample, or one-hot rows.'
        )
    return y


def one_hot(y: NDArray[Any]) -> bool:
    """Whether every row is a single 1 among zeros."""
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _whole(y: NDArray[Any], name: str, warnings: dict[str, None]) -> Labels:
    if y.dtype.kind == "O":  # what a table spells with more than 19 digits
        raise WrongLabels(f'The labels "{name}" hold numbers far too large for classes, which are counted from 0.')
    if y.dtype.kind not in "fiub":
        raise WrongLabels(f'The labels "{name}" are of kind {y.dtype}; they must be integers, words or one-hot rows.')
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise NotFinite(f'The labels "{name}" have NaN or infinite entries. Fill or drop those samples.')
        odd = y[(y != np.rint(y)) | (np.abs(y) > 2**53)]
        if odd.size:
            raise WrongLabels(
                f'The labels "{name}" hold values such as {odd[0]:.4g}; classes are whole numbers from 0. For a '
                "regression give the targets of every part as floating-point numbers."
            )
        warnings["Labels given as floating-point numbers were converted to integers."] = None
    if y.dtype.kind == "u" and y.max() > MOST_CLASSES:
        raise WrongLabels(f'The labels "{name}" go up to {y.max()}; classes are numbered from 0 to {MOST_CLASSES - 1}.')
    return y.astype(np.int64)
