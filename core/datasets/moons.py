"""Two half moons, one in the other's opening."""

import numpy as np

from core.datasets._base import Dataset, Parts, parted

NOISE = 0.15


class Moons(Dataset):
    """Two classes of points on the plane, along two half circles, with Gaussian noise."""

    name = "moons"
    title = "Moons"
    note = "2,000 points on the plane along two interleaved half circles."

    def load(self) -> Parts:
        rng = np.random.default_rng(0)
        angle = np.pi * rng.random((2, 1000))
        outer = np.stack([np.cos(angle[0]), np.sin(angle[0])], axis=1)
        inner = np.stack([1 - np.cos(angle[1]), 0.5 - np.sin(angle[1])], axis=1)
        points = np.concatenate([outer, inner]) - (0.5, 0.25)
        x = (points + NOISE * rng.standard_normal(points.shape)).astype(np.float32)
        y = np.repeat(np.arange(2, dtype=np.int64), 1000)
        return parted(self.name, x, y, classes=("upper", "lower"), kind="table", validation=400, test=400)
