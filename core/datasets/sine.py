"""A sine with noise: the smallest regression that is not a straight line."""

import numpy as np

from core.datasets._base import Dataset, Parts, parted

NOISE = 0.1


class Sine(Dataset):
    """One number in, its sine out, with Gaussian noise of deviation 0.1."""

    name = "sine"
    title = "Sine"
    note = "1,000 points of a sine from -π to π with noise, a regression."

    def load(self) -> Parts:
        rng = np.random.default_rng(0)
        x = np.pi * (2 * rng.random((1000, 1)) - 1)
        y = np.sin(x) + NOISE * rng.standard_normal(x.shape)
        ready = x.astype(np.float32), y.astype(np.float32)
        return parted(self.name, *ready, classes=(), kind="table", validation=200, test=200)
