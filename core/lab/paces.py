"""How many samples make a good batch for a model, learned while predicting."""

from dataclasses import dataclass, field

from core.lab.shelf import Key

#: Seconds one batch should take: so long a newer request or another person waits.
BATCH_SECONDS = 0.05
#: Bounds of a batch, and the first one's upper bound.
SMALLEST, FIRST, LARGEST = 16, 256, 2048
#: Multiply-adds a second of one core, about: says where to begin.
_CORE = 5e9
#: Weight of what was measured before when something new is.
_MEMORY = 0.8


@dataclass
class _Line:
    """Seconds of a batch over its samples, as a line through what was measured, the latest weighing most."""

    size: int
    weight: float = 0.0
    sums: list[float] = field(default_factory=lambda: [0.0] * 4)

    def add(self, samples: int, seconds: float) -> None:
        self.weight = _MEMORY * self.weight + 1
        terms = (samples, seconds, samples * samples, samples * seconds)
        self.sums = [_MEMORY * old + new for old, new in zip(self.sums, terms, strict=True)]

    def cost(self) -> tuple[float, float] | None:
        """Seconds of a call and of a sample; None while all batches had one size."""
        n, t, nn, nt = (value / self.weight for value in self.sums)
        spread = nn - n * n
        if spread < 1e-3 * nn:
            return None
        each = max((nt - n * t) / spread, 1e-9)
        return max(t - each * n, 0.0), each


class Paces:
    """Batch sizes by model.

    A call has a fixed cost (laying masks over 100 M weights takes longer than many samples do); a batch is large enough
    that this is at most half of it, and otherwise takes ``BATCH_SECONDS``.
    """

    def __init__(self) -> None:
        self._lines: dict[Key, _Line] = {}

    def known(self, model: Key) -> bool:
        """Whether this model ever predicted here: the first time it is traced and laid out in memory."""
        return model in self._lines

    def batch(self, model: Key, macs: int) -> int:
        """Samples for the next batch of a model that multiplies ``macs`` times a sample."""
        if model in self._lines:
            return self._lines[model].size
        return max(SMALLEST, min(FIRST, int(BATCH_SECONDS * _CORE / max(macs, 1))))

    def took(self, model: Key, seconds: float, samples: int) -> None:
        """A batch took so long. A model's first one says nothing but that it happened."""
        line = self._lines.get(model)
        if line is None:
            self._lines[model] = _Line(samples)
            return
        line.add(samples, seconds)
        cost = line.cost()
        if cost is None:
            wanted = samples // 2 if seconds > 8 * BATCH_SECONDS else 2 * samples
        else:
            call, each = cost
            wanted = int((max(BATCH_SECONDS, 2 * call) - call) / each)
        line.size = max(SMALLEST, min(LARGEST, wanted, 4 * max(samples, line.size)))
