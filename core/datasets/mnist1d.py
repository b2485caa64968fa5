"""Digits drawn as a line of 40 values: hard for dense layers, easy for convolutions."""

import os
import random
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from core.datasets._base import Dataset, Parts, parted

_Arrays = dict[str, NDArray[np.generic]]


class Mnist1d(Dataset):
    """MNIST-1D from its package's own generator with its default arguments and seed; its pickle is never touched.

    Generating takes seconds, so the arrays are kept as ``.npz`` in the user's cache folder.

    Reference:
        Greydanus and Kobak 2020, arXiv:2011.14439.
    """

    name = "mnist1d"
    title = "MNIST-1D"
    note = "5,000 digits drawn as a line of 40 values, moved, stretched and noisy (Greydanus 2020)."

    def load(self) -> Parts:
        drawn = _cached(user_cache_path("topiary") / f"mnist1d-{version('mnist1d')}.npz")
        x, x_test = (drawn[name].astype(np.float32)[:, None, :] for name in ("x", "x_test"))
        y, y_test = (drawn[name].astype(np.int64) for name in ("y", "y_test"))
        kind = "series"
        return parted(self.name, x, y, classes="0123456789", kind=kind, validation=400, test=(x_test, y_test))


def _cached(path: Path) -> _Arrays:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in ("x", "y", "x_test", "y_test")}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        drawn = _generated()
        _keep(path, drawn)
        return drawn


def _keep(path: Path, drawn: _Arrays) -> None:
    """Write whole or not at all; without a folder to write to the arrays are drawn anew each time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".npz")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **drawn)  # type: ignore[arg-type]
        Path(name).replace(path)
    except OSError:
        return


def _generated() -> _Arrays:
    """What the package draws. It seeds the two global generators; they are put back as they were."""
    from mnist1d.data import get_dataset_args, make_dataset

    state, numpy_state = random.getstate(), np.random.get_state()
    try:
        drawn = make_dataset(get_dataset_args())
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)
    return {name: np.asarray(drawn[name]) for name in ("x", "y", "x_test", "y_test")}
