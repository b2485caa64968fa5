"""How long a prediction takes, with its spread; and two networks against each other on a machine that is never quiet.

Two networks are compared in pairs. In a pair each is called a few times in turn, and the quickest of its calls counts:
whatever else the machine does can only add time. Pairs begin with the one and with the other alternately (ABBA), so
that a machine that grows slower or faster favours neither. Where the ratios scatter, more pairs are taken. What is said
is the median of the pairs' ratios, with the 95 % interval that order statistics give without assuming how times are
spread.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import comb
from time import perf_counter

import numpy as np

from core.backends._base import LoadedModel, Poll, no_poll
from core.inputs import Inputs

#: One prediction.
Call = Callable[[], None]
#: Milliseconds that one network computes within a pair, and how often it is called for them at least and at most; of
#: calls longer than ``SLOW`` fewer will do.
PAIR_MS, FEWEST, MOST = 40.0, 6, 60
SLOW, FEWEST_SLOW = 50.0, 3
#: Pairs without which nothing is said, however long they take.
LEAST_PAIRS = 6
#: On a busy machine pairs are added while the interval is wider than this, up to so many times as many.
WIDE, TIMES = 0.04, 10


@dataclass(frozen=True)
class Latency:
    """Milliseconds a call: the median and the interquartile range."""

    median_ms: float
    spread_ms: float


@dataclass(frozen=True)
class Ratio:
    """Two networks in turn.

    Attributes:
        first, second: Of all single calls.
        ratio: The second's time over the first's: the median over the pairs, of the quickest calls.
        low, high: Its 95 % interval (the widest the pairs give where they are too few for one).
        pairs: How many.
    """

    first: Latency
    second: Latency
    ratio: float
    low: float
    high: float
    pairs: int


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


def paired(
    first: Call,
    second: Call,
    *,
    pairs: int = 20,
    warm_up: int = 3,
    seconds: float = 6.0,
    poll: Poll = no_poll,
    clock: Callable[[], float] = perf_counter,
) -> Ratio:
    """Time two networks against each other.

    Args:
        first: The one that the other is compared with: the dense network.
        second: The other.
        pairs: So many on a quiet machine, one more where that is odd: both begin equally often.
        warm_up: Calls of each that do not count (tracing, caches, clock rates).
        seconds: After so long it ends, though not before :data:`LEAST_PAIRS`.
        poll: Called after every pair; may raise.
        clock: Seconds.
    """
    for _ in range(max(warm_up, 1)):
        first()
        second()
    turns = _turns(first, second, clock)
    taken: list[tuple[list[float], list[float]]] = []
    begin = clock()
    ratios: list[float] = []
    while len(taken) % 2 or (_unsure(ratios, pairs) and (len(taken) < LEAST_PAIRS or clock() - begin < seconds)):
        with _no_collector():
            one, two = _pair(first, second, turns, len(taken) % 2 == 1, clock)
        taken.append((one, two))
        ratios.append(min(two) / max(min(one), 1e-9))
        poll(min(len(taken), pairs), pairs)
    low, high = interval(ratios)
    calls = [summed([time for pair in taken for time in pair[side]]) for side in (0, 1)]
    return Ratio(calls[0], calls[1], float(np.median(ratios)), low, high, len(taken))


def _unsure(ratios: Sequence[float], pairs: int) -> bool:
    """Whether more pairs are wanted."""
    if len(ratios) < pairs:
        return True
    low, high = interval(ratios)
    return len(ratios) < TIMES * pairs and high - low > WIDE * float(np.median(ratios))


def alone(
    call: Call,
    *,
    repeats: int = 40,
    warm_up: int = 3,
    seconds: float = 3.0,
    poll: Poll = no_poll,
    clock: Callable[[], float] = perf_counter,
) -> Latency:
    """Time one network. Limits are as for :func:`latency`."""
    for _ in range(max(warm_up, 1)):
        call()
    times: list[float] = []
    begin = clock()
    while len(times) < repeats and (len(times) < 3 or clock() - begin < seconds):
        with _no_collector():
            times.append(_once(call, clock))
        poll(len(times), repeats)
    return summed(times)


def summed(times: Sequence[float]) -> Latency:
    """Median and interquartile range of single calls in milliseconds."""
    low, middle, high = np.percentile(times, [25, 50, 75])
    return Latency(float(middle), float(high - low))


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The interval that holds the median of what ``values`` are drawn from with that probability at least.

    Order statistics k and n + 1 - k, with the largest k for which 1 - 2 P(Binomial(n, 1/2) < k) is enough; all of the
    values where none is (fewer than six at 95 %).

    Reference: Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.
    """
    ordered, count = sorted(values), len(values)
    rank, below = 0, 0.0
    while rank < count // 2:
        below += comb(count, rank) / 2**count
        if 1 - 2 * below < level:
            break
        rank += 1
    return float(ordered[max(rank - 1, 0)]), float(ordered[count - max(rank, 1)])


def _turns(first: Call, second: Call, clock: Callable[[], float]) -> int:
    """How often each is called within a pair: often enough that single interruptions leave quick calls over."""
    quicker = min(_once(call, clock) for call in (first, second) * 3)
    fewest = FEWEST_SLOW if quicker > SLOW else FEWEST
    return int(min(MOST, max(fewest, PAIR_MS // max(quicker, 1e-3))))


def _pair(
    first: Call, second: Call, turns: int, swapped: bool, clock: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Times of the first and of the second, called in turn."""
    one: list[float] = []
    two: list[float] = []
    order = [(second, two), (first, one)] if swapped else [(first, one), (second, two)]
    for number in range(turns):
        for call, times in reversed(order) if number % 2 else order:
            times.append(_once(call, clock))
    return one, two


def _once(call: Call, clock: Callable[[], float]) -> float:
    start = clock()
    call()
    return (clock() - start) * 1000


@contextmanager
def _no_collector() -> Iterator[None]:
    """Python tidies up between two pairs, not within."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _timed(model: LoadedModel, x: Inputs, clock: Callable[[], float]) -> float:
    start = clock()
    model.predict(x, batch_size=len(x))
    return (clock() - start) * 1000
