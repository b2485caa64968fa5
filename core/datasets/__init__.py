"""Data sets: registered ones by name, a person's own ``.npz`` or ``.csv`` by path. Needs no framework."""

from core.datasets._base import Dataset, Floats, Labels, Parts
from core.datasets._calibration import calibration
from core.datasets._fitting import fitted
from core.datasets._hints import chance_hint
from core.datasets._scaling import scaled
from core.datasets.breast_cancer import BreastCancer
from core.datasets.digits import Digits
from core.datasets.iris import Iris
from core.plan import DataChoice
from core.registry import Registry

__all__ = ["DATASETS", "Dataset", "Floats", "Labels", "Parts", "calibration", "chance_hint", "fitted", "load", "scaled"]

DATASETS: Registry[Dataset] = Registry("data set", (Digits(), Iris(), BreastCancer()))


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
    return scaled(DATASETS[choice.name].load(), choice.scaling)
