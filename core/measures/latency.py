"""How long a prediction takes, with its spread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from core.backends._base import LoadedModel, Poll, no_poll
from core.inputs import Inputs


@dataclass(frozen=True)
class Latency:
    """Milliseconds a call: the median and the interquartile range."""

    median_ms: float
    spread_ms: float


def latency(
    model: LoadedModel,
    x: Inputs,
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
    return latencies([model], x, repeats=repeats, warm_up=warm_up, seconds=seconds, poll=poll, clock=clock)[0]


def latencies(
    models: Sequence[LoadedModel],
    x: Inputs,
    *,
    repeats: int = 30,
    warm_up: int = 5,
    seconds: float = 2.0,
    poll: Poll = no_poll,
    clock: Callable[[], float] = perf_counter,
) -> list[Latency]:
    """Time several models in turn, call by call, so that whatever else the machine does hits all of them alike.

    Every model takes the same ``x``. Limits are as for :func:`latency`, ``seconds`` for all together.
    """
    for model in models:
        for _ in range(max(warm_up, 1)):
            model.predict(x, batch_size=len(x))
    times: list[list[float]] = []
    begin = clock()
    while len(times) < repeats and (len(times) < 3 or clock() - begin < seconds):
        times.append([_timed(model, x, clock) for model in models])
        poll(len(times), repeats)
    quartiles = np.percentile(times, [25, 50, 75], axis=0).T
    return [Latency(float(middle), float(high - low)) for low, middle, high in quartiles]


def _timed(model: LoadedModel, x: Inputs, clock: Callable[[], float]) -> float:
    start = clock()
    model.predict(x, batch_size=len(x))
    return (clock() - start) * 1000
