"""Store: what survives a restart of everything."""

from core.jobs.runs import Runs
from core.jobs.shelf import DataEntry, ModelEntry, Shelf

__all__ = ["DataEntry", "ModelEntry", "Store"]


class Store(Shelf, Runs):
    """Models, data files, runs and events of one home folder.

    Several processes and threads may use one file at once; ``Store(home)`` is cheap and may be kept for good.
    """
