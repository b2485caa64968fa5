"""Three kinds of iris from four measurements."""

import numpy as np

from core.datasets._base import Dataset, Parts, parted
from core.datasets._bundled import table


class Iris(Dataset):
    """Fisher's irises as bundled with scikit-learn, lengths in centimetres."""

    name = "iris"
    title = "Iris"
    note = "150 flowers of three kinds, four lengths in centimetres (Fisher 1936, bundled with scikit-learn)."

    def load(self) -> Parts:
        rows = table("iris.csv", skip=1)
        x, y = rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.int64)
        kinds = ("setosa", "versicolor", "virginica")
        return parted(self.name, x, y, classes=kinds, kind="table", validation=30, test=30)
