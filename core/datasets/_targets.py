"""What a network is to say, as people keep it: labels of classes, or the values of a regression."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets._base import Floats
from core.datasets._labels import MOST_CLASSES, Found, labels, one_hot
from core.errors import NotFinite

Given = Mapping[str, NDArray[Any]]


def targets(given: Given) -> Found:
    """Labels as int64 from 0, or float32 ``(samples, values)`` with no classes.

    It is a regression where every part has floating-point numbers of which some can be no labels (fractions, prices,
    temperatures below zero), or several numbers a sample that are not one-hot rows.

    Args:
        given: By name ("y_train"): one entry for each sample.

    Raises:
        BadData: They are neither; see :func:`core.datasets._labels.labels`.
    """
    if not _values(given):
        return labels(given)
    return Found(tuple(_floats(y, name) for name, y in given.items()), (), ())


def _values(given: Given) -> bool:
    arrays = [y for y in given.values() if y.size]
    if len(arrays) < len(given) or any(y.dtype.kind not in "fiu" or y.ndim not in (1, 2) for y in arrays):
        return False
    widths = {y.shape[1] if y.ndim == 2 else 1 for y in arrays}
    if len(widths) > 1:
        return False
    if widths != {1}:
        return not all(one_hot(y) for y in arrays)
    return all(y.dtype.kind == "f" for y in arrays) and any(_measured(y) for y in arrays)


def _measured(y: NDArray[Any]) -> bool:
    """Whether some are no labels; -1 and 1 are those of two classes."""
    if not np.isfinite(y).all():
        return False
    outside = y.max() >= MOST_CLASSES or (y.min() < 0 and not np.isin(y, (-1, 1)).all())
    return bool(outside or (y != np.rint(y)).any())


def _floats(y: NDArray[Any], name: str) -> Floats:
    with np.errstate(over="ignore"):
        values = y.reshape(len(y), -1).astype(np.float32)
    if not np.isfinite(values).all():
        raise NotFinite(f'The targets "{name}" have NaN, infinite or too large entries. Fill or drop those samples.')
    return values
