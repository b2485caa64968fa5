"""Handwritten digits, 8 x 8: small enough for an answer while one watches."""

import numpy as np

from core.datasets._base import Dataset, Parts, parted
from core.datasets._bundled import table


class Digits(Dataset):
    """The UCI optical digits as bundled with scikit-learn, 0..16 brought to 0..1."""

    name = "digits"
    title = "Digits"
    note = "1,797 handwritten digits of 8 x 8 pixels (UCI optical recognition, bundled with scikit-learn)."

    def load(self) -> Parts:
        rows = table("digits.csv.gz")
        x = (rows[:, :-1] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
        y = rows[:, -1].astype(np.int64)
        return parted(self.name, x, y, classes="0123456789", kind="picture", validation=360, test=360)
