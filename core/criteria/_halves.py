"""The product of two means over batches, H and g, taken apart so that its spread shows what either varies by."""

from collections.abc import Mapping

import numpy as np

from core.backends._base import Floats

Vector = Mapping[str, Floats]


class Halves:
    """Two halves of the batches, every second one each, and what each of them makes of H g.

    With shares p and q of the samples, g = p a + q b and e = a - b, the first half gives H_1 g + q H e and the second
    H_2 g - p H e: their mean is H g, and to first order they differ as the whole would had it seen that half alone.
    """

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._sums: tuple[dict[str, Floats], dict[str, Floats]] = ({}, {})
        self._along: tuple[dict[str, Floats], dict[str, Floats]] = ({}, {})
        self._across: dict[str, Floats] = {}

    def gradient(self, batch: Vector, size: int) -> None:
        """The next batch's gradient, and how many samples it holds."""
        _add(self._sums[len(self._sizes) % 2], batch, size)
        self._sizes.append(size)

    @property
    def held(self) -> list[int]:
        """Samples of either half; of a single batch the second has none."""
        return [sum(self._sizes[0::2]), sum(self._sizes[1::2])]

    def vectors(self) -> list[Vector]:
        """What the Hessian is multiplied with: g, and e where there are two halves."""
        (first, second), (p, q) = self._sums, self.held
        if not q:
            return [{name: value / np.float32(p) for name, value in first.items()}]
        return [
            {name: (value + second[name]) / np.float32(p + q) for name, value in first.items()},
            {name: value / np.float32(p) - second[name] / np.float32(q) for name, value in first.items()},
        ]

    def products(self, number: int, found: list[Vector]) -> None:
        """That batch's products with the vectors."""
        _add(self._along[number % 2], found[0], self._sizes[number])
        if len(found) > 1:
            _add(self._across, found[1], self._sizes[number])

    def parts(self) -> list[tuple[dict[str, Floats], int]]:
        """What each half gives, and how many samples that stands for."""
        held = self.held
        total = max(1, sum(held))
        found = []
        for half, factor in ((0, held[1] / total), (1, -held[0] / total)):
            if held[half]:
                beside = {name: np.float32(factor / total) * value for name, value in self._across.items()}
                along = {name: value / np.float32(held[half]) for name, value in self._along[half].items()}
                found.append(({name: value + beside.get(name, 0) for name, value in along.items()}, held[half]))
        return found


def _add(sums: dict[str, Floats], values: Vector, size: int) -> None:
    for name, value in values.items():
        part = value * np.float32(size)
        sums[name] = np.add(sums[name], part, out=sums[name]) if name in sums else part
