"""How long a prediction takes, with its spread."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from core.backends._base import LoadedModel, Poll, no_poll


@dataclass(frozen=True)
class Latency:
    """Milliseconds a call: the median and the interquartile range."""

    median_ms: float
    spread_ms: float


def latency(
    model: LoadedModel,
    x: NDArray[np.float32],
    *,
    repeats: int = 30,
    warm_up: int = 5,
    seconds: float = 2.0,
    poll: Poll = no_poll,
    clock: Callable[[], float] = perf_counter,
) -> Latency:
    """Time ``model.predict(x)`` as one batch.

    The first calls (tracing, caches) are thrown away. It ends after ``repeats`` calls or ``seconds``, whichever is
    first, but not before three timed calls.
    """
    for _ in range(max(warm_up, 1)):
        model.predict(x, batch_size=len(x))
    times: list[float] = []
    begin = clock()
    while len(times) < repeats and (len(times) < 3 or clock() - begin < seconds):
        start = clock()
        model.predict(x, batch_size=len(x))
        times.append((clock() - start) * 1000)
        poll(len(times), repeats)
    low, middle, high = np.percentile(times, [25, 50, 75])
    return Latency(float(middle), float(high - low))
