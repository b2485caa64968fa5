"""How quick a network is in the runtimes of this machine, beside another one or alone."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core import temporary
from core.backends._base import LoadedModel, Poll, no_poll
from core.errors import BadSetting, PruneError
from core.inputs import Inputs, Several
from core.measures.latency import Call, Latency, alone, paired
from core.measures.ram import resident

if TYPE_CHECKING:
    from core.datasets import Parts
    from core.runtimes import Ready, Runtime

#: Gives a batch of so many samples.
Samples = Callable[[int], Inputs]
#: What a dimension of any size counts as.
FREE = 16


@dataclass(frozen=True)
class Timing:
    """How it is timed.

    Attributes:
        batches: Sizes.
        threads: How many may compute.
        pairs, seconds: As :func:`core.measures.latency.paired`, for each runtime and batch size.
        memory: Whether to look what a loaded copy takes, too.

    Raises:
        BadSetting: No thread, or an empty batch.
    """

    batches: tuple[int, ...] = (1,)
    threads: int = 1
    pairs: int = 20
    seconds: float = 6.0
    memory: bool = True

    def __post_init__(self) -> None:
        if self.threads < 1 or self.threads > 1024:
            raise BadSetting(f"Threads are 1 to 1024; got {self.threads}.")
        if not self.batches or min(self.batches) < 1:
            raise BadSetting(f"A batch holds at least one sample; got {', '.join(map(str, self.batches)) or 'none'}.")


@dataclass(frozen=True)
class Speed:
    """One runtime with one batch size.

    Attributes:
        runtime, title: Which.
        batch: Samples in a batch.
        threads: How many computed.
        dense, now: Milliseconds a batch of the one network and of the other; None where it was refused, or where
            there is no other.
        ratio, low, high, pairs: As :class:`core.measures.latency.Ratio` has them.
        file, file_now: Bytes of the files that the runtime read.
        ram, ram_now: Bytes that a loaded copy takes.
        refused: Why there are no figures.
    """

    runtime: str
    title: str
    batch: int
    threads: int
    dense: Latency | None = None
    now: Latency | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    file: int | None = None
    file_now: int | None = None
    ram: int | None = None
    ram_now: int | None = None
    refused: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Speed":
        """What :meth:`to_dict` wrote."""
        times = {name: values[name] and Latency(**values[name]) for name in ("dense", "now")}
        return cls(**{**values, **times})


def speeds(
    dense: LoadedModel,
    now: LoadedModel | None,
    samples: Samples,
    runtimes: Sequence["Runtime"],
    timing: Timing,
    *,
    poll: Poll = no_poll,
    named: Callable[[str], str] = str,
) -> list[Speed]:
    """Every runtime with every batch size, in the order given; one that refuses a network says why.

    Args:
        dense: The network that the other is compared with.
        now: The other; None times the first alone.
        samples: Where batches come from.
        runtimes: Which.
        timing: How.
        poll: Called with steps done and steps in all; may raise.
        named: From a framework's name to what a person calls it.
    """
    found: list[Speed] = []
    steps = len(timing.batches) * (timing.pairs + 1)
    for number, runtime in enumerate(runtimes):

        def told(done: int, total: int, before: int = number * steps) -> None:
            poll(min(before + done, before + steps), len(runtimes) * steps)

        told(0, steps)
        title = runtime.called(named(dense.framework))
        bare = [Speed(runtime.name, title, size, timing.threads) for size in timing.batches]
        networks = [dense] if now is None else [dense, now]
        try:
            refused = next((said for said in map(runtime.refuses, networks) if said), "")
            found += (
                [replace(one, refused=refused) for one in bare]
                if refused
                else _in(runtime, networks, bare, samples, timing, told)
            )
        except PruneError as err:
            found += [replace(one, refused=str(err)) for one in bare]
    return found


def _in(
    runtime: "Runtime",
    networks: Sequence[LoadedModel],
    bare: Sequence[Speed],
    samples: Samples,
    timing: Timing,
    poll: Poll,
) -> list[Speed]:
    """All batch sizes in one runtime."""
    with temporary.folder("speed") as folder:
        ready = []
        for number, network in enumerate(networks):
            place = folder / str(number)
            place.mkdir()
            ready.append(runtime.opened(network, timing.threads, place))
            poll(1, timing.pairs)
        known = _weighed(runtime, networks, ready) if timing.memory else {}
        found = []
        for number, one in enumerate(bare):

            def told(done: int, total: int, before: int = number * (timing.pairs + 1) + 1) -> None:
                poll(before + done, total)

            batch = samples(one.batch)
            calls = [each.on(batch) for each in ready]
            found.append(replace(one, threads=ready[0].threads, **known, **_timed(calls, timing, told)))
    return found


def _timed(calls: Sequence[Call], timing: Timing, poll: Poll) -> dict[str, Any]:
    if len(calls) == 1:
        return {"dense": alone(calls[0], repeats=2 * timing.pairs, seconds=timing.seconds, poll=poll)}
    ratio = paired(calls[0], calls[1], pairs=timing.pairs, seconds=timing.seconds, poll=poll)
    figures = {"ratio": ratio.ratio, "low": ratio.low, "high": ratio.high, "pairs": ratio.pairs}
    return {"dense": ratio.first, "now": ratio.second, **figures}


def _weighed(runtime: "Runtime", networks: Sequence[LoadedModel], ready: Sequence["Ready"]) -> dict[str, Any]:
    """Files and memory: of what was read from a file as a clean process holds it, else the arrays themselves."""
    known: dict[str, Any] = {}
    for end, network, one in zip(("", "_now"), networks, ready, strict=False):
        if one.file is None or not runtime.loader:
            known[f"ram{end}"] = sum(array.nbytes for array in network.arrays().values())
            continue
        known[f"file{end}"] = one.file.stat().st_size
        known[f"ram{end}"] = resident(runtime.loader, one.file)
    return known


def made(model: LoadedModel, parts: "Parts | None" = None, seed: int = 0) -> Samples:
    """Batches to time with: of the test data, again from its start where it is short; else drawn from a normal
    distribution, or zeros where a network takes tokens. Computing takes as long for the ones as for the others."""
    if parts is not None:
        x = parts.split("test")[0]
        return lambda size: x[np.arange(size) % len(x)]
    rng = np.random.default_rng(seed)
    shapes = [tuple(FREE if side is None else side for side in shape) for shape in model.input_shapes]

    def batch(size: int, *, zeros: bool = False) -> Inputs:
        arrays = [np.zeros((size, *s)) if zeros else rng.standard_normal((size, *s)) for s in shapes]
        single = tuple(array.astype(np.float32) for array in arrays)
        return single[0] if len(single) == 1 else Several(single, model.input_names)

    try:
        model.predict(batch(1))
    except PruneError:  # fractions are no tokens
        return lambda size: batch(size, zeros=True)
    return batch


def usual_threads() -> int:
    """Half of the machine's cores, four at most: as many as the app's own workers take."""
    return max(1, min(4, (os.cpu_count() or 2) // 2))
