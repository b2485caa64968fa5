"""Three spiral arms wound into each other."""

import numpy as np

from core.datasets._base import Dataset, Parts, parted

ARMS, POINTS, TURN, NOISE = 3, 1000, 4.0, 0.2


class Spiral(Dataset):
    """Three classes of points on the plane, each along an arm of 4 radians, the angle jittered."""

    name = "spiral"
    title = "Spiral"
    note = "3,000 points on the plane along three spiral arms."

    def load(self) -> Parts:
        rng = np.random.default_rng(0)
        y = np.repeat(np.arange(ARMS, dtype=np.int64), POINTS)
        radius = np.tile(np.linspace(0.05, 1, POINTS), ARMS)
        angle = TURN * (radius + y) + NOISE * rng.standard_normal(len(y))
        x = (radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)).astype(np.float32)
        return parted(self.name, x, y, classes=("first", "second", "third"), kind="table", validation=600, test=600)
