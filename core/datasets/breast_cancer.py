"""Malignant or benign, from thirty measurements of cell nuclei."""

import numpy as np

from core.datasets._base import Dataset, Parts, parted
from core.datasets._bundled import table


class BreastCancer(Dataset):
    """The Wisconsin diagnostic table as bundled with scikit-learn. Features differ in scale by 10,000."""

    name = "breast-cancer"
    title = "Breast cancer"
    note = "569 tumours, thirty measurements each (Wisconsin diagnostic, bundled with scikit-learn); scale it."

    def load(self) -> Parts:
        rows = table("breast_cancer.csv", skip=1)
        x, y = rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.int64)
        return parted(self.name, x, y, classes=("malignant", "benign"), kind="table", validation=114, test=114)
