"""Data sets: registered ones by name, a person's own ``.npz`` or ``.csv`` by path. Needs no framework."""

from pathlib import Path

from core.datasets._base import SPLITS, Dataset, Floats, Labels, Parts
from core.datasets._calibration import calibration, candidates, drawn_by_loss
from core.datasets._csv import load_csv
from core.datasets._fitting import fitted
from core.datasets._hints import chance_hint
from core.datasets._npz import load_npz
from core.datasets._scaling import scaled
from core.datasets.breast_cancer import BreastCancer
from core.datasets.cifar10 import Cifar10
from core.datasets.circles import Circles
from core.datasets.diabetes import Diabetes
from core.datasets.digits import Digits
from core.datasets.fashion_mnist import FashionMnist
from core.datasets.iris import Iris
from core.datasets.mnist import Mnist
from core.datasets.mnist1d import Mnist1d
from core.datasets.moons import Moons
from core.datasets.sine import Sine
from core.datasets.spiral import Spiral
from core.errors import BadData, UnknownName
from core.plan import DataChoice
from core.registry import Registry

__all__ = [
    "DATASETS",
    "FILE_SUFFIXES",
    "SPLITS",
    "Dataset",
    "Floats",
    "Labels",
    "Parts",
    "calibration",
    "candidates",
    "chance_hint",
    "drawn_by_loss",
    "fitted",
    "load",
    "scaled",
]

DATASETS: Registry[Dataset] = Registry(
    "data set",
    (
        Digits(),
        Iris(),
        BreastCancer(),
        Mnist1d(),
        Spiral(),
        Moons(),
        Circles(),
        Sine(),
        Diabetes(),
        Mnist(),
        FashionMnist(),
        Cifar10(),
    ),
)

_FILES = {".npz": load_npz, ".csv": load_csv}
FILE_SUFFIXES = tuple(_FILES)


def load(choice: DataChoice) -> Parts:
    """The chosen data, scaled as chosen.

    Args:
        choice: A registered name, or the path of an ``.npz`` or ``.csv`` file.

    Raises:
        UnknownName: Neither a registered name nor such a path.
        Unavailable: The data has to be downloaded and cannot be.
        RefusedFile: The file is unsafe, damaged or too large.
        BadData: The file's arrays or columns cannot be used; the message says which and why.
    """
    return scaled(_loaded(choice.name), choice.scaling)


def _loaded(name: str) -> Parts:
    path = Path(name)
    if name in DATASETS:
        return DATASETS[name].load()
    if path.suffix.lower() not in _FILES:
        raise UnknownName("data set", name, (*DATASETS, "the path of an .npz or .csv file"))
    if not path.is_file():
        raise BadData(f'There is no file "{name}".')
    return _FILES[path.suffix.lower()](path)
