"""A circle inside a circle: no straight line tells them apart."""

import numpy as np

from core.datasets._base import Dataset, Parts, parted

NOISE = 0.08


class Circles(Dataset):
    """Two classes of points on the plane, on circles of radius 1 and 0.5, with Gaussian noise."""

    name = "circles"
    title = "Circles"
    note = "2,000 points on the plane on two circles around one centre."

    def load(self) -> Parts:
        rng = np.random.default_rng(0)
        y = np.repeat(np.arange(2, dtype=np.int64), 1000)
        angle = 2 * np.pi * rng.random(len(y))
        points = np.where(y == 0, 1.0, 0.5)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        x = (points + NOISE * rng.standard_normal(points.shape)).astype(np.float32)
        return parted(self.name, x, y, classes=("outer", "inner"), kind="table", validation=400, test=400)
