"""How diabetes progresses within a year: a regression."""

import numpy as np

from core.datasets._base import Dataset, Parts, parted
from core.datasets._bundled import table


class Diabetes(Dataset):
    """The table of Efron et al. 2004 as bundled with scikit-learn, features and target with mean 0 and deviation 1."""

    name = "diabetes"
    title = "Diabetes"
    note = "442 patients, ten measurements each; how far the disease went in a year, a regression (scikit-learn)."

    def load(self) -> Parts:
        x = table("diabetes_data_raw.csv.gz", delimiter=None)
        y = table("diabetes_target.csv.gz")
        x, y = (x - x.mean(axis=0)) / x.std(axis=0), (y - y.mean()) / y.std()
        ready = x.astype(np.float32), y.reshape(-1, 1).astype(np.float32)
        return parted(self.name, *ready, classes=(), kind="table", validation=88, test=88)
