"""One model on one split, as a Measurement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats, LoadedModel, Masks, Poll, no_poll
from core.errors import EmptyData, WrongLabels
from core.graph import Graph
from core.measurement import Measurement
from core.measures.estimate import Looking, Tally, ValueTally
from core.measures.latency import latency as timed
from core.measures.macs import effective, total
from core.measures.quality import judged
from core.measures.size import Sizes, sizes

if TYPE_CHECKING:
    from core.datasets import Parts

#: Samples predicted in one go: large enough for the network to be busy, small enough to be asked to stop.
BATCH = 256


def measure(
    model: LoadedModel,
    parts: Parts,
    split: str,
    masks: Masks | None = None,
    *,
    dense: Graph | int | None = None,
    limit: int | None = None,
    seed: int = 0,
    zipped: bool = True,
    latency: bool = False,
    poll: Poll = no_poll,
) -> Measurement:
    """Quality, size and cost of a model under masks.

    Args:
        model: The network; not changed.
        parts: The data as the network takes it (``core.datasets.fitted``).
        split: ``train``, ``validation`` or ``test``.
        masks: By array name; None leaves everything whole.
        dense: The dense model's graph, or its number of prunable kernel weights, if ``model`` was cut: what sparsity
            counts against.
        limit: Look at so many samples at most, in seeded order; quality is then an estimate with an interval.
        seed: Of that order.
        zipped: Whether to deflate for ``zipped_bytes``.
        latency: Whether to time one sample. Masks do not count there: zeros cost a plain framework the same time.
        poll: Called after every batch of samples; may raise.

    Raises:
        EmptyData: The split has no samples.
    """
    tally = tally_of(model, parts, split, masks, seed=seed)
    if not tally.samples:
        raise EmptyData(f'The {split} part of "{parts.name}" has no samples.')
    wanted = tally.samples if limit is None else min(limit, tally.samples)
    while tally.seen < wanted:
        tally.advance(min(BATCH, wanted - tally.seen))
        poll(tally.seen, wanted)
    timing = timed(model, parts.split(split)[0][:1], poll=poll) if latency else None
    found = measurement_of(split, tally, costs_of(model, masks, zipped=zipped), dense)
    if timing is None:
        return found
    return replace(found, latency_ms=timing.median_ms, latency_spread_ms=timing.spread_ms)


def tally_of(
    model: LoadedModel, parts: Parts, split: str, masks: Masks | None = None, *, seed: int = 0, poll: Poll = no_poll
) -> Looking:
    """An empty tally that predicts with this model under these masks when it is advanced.

    Raises:
        WrongLabels: Classes for a regression, or values for a network of classes.
    """
    x, y = parts.split(split)
    if (parts.task == "values") != (model.output == "regression"):
        raise WrongLabels(
            f'"{parts.name}" has {"values" if parts.task == "values" else "classes"} to be told; the network\'s output '
            f'is "{model.output}". Choose data or a kind of output that fits.'
        )

    def predict(indices: NDArray[np.int64]) -> Floats:
        return model.predict(x[indices], masks or None, BATCH, poll)

    if parts.task == "values":
        return ValueTally(y, seed, predict)
    labels = y.astype(np.int64, copy=False)
    return Tally(
        labels, model.classes, seed, lambda rows: judged(predict(rows), labels[rows], model.output, model.classes)
    )


@dataclass(frozen=True)
class Costs:
    """What a model weighs and takes, apart from how good it is."""

    sizes: Sizes
    macs: int
    effective_macs: int


def costs_of(model: LoadedModel, masks: Masks | None = None, *, zipped: bool = True, exact: int = 64 << 20) -> Costs:
    """Sizes and multiply-adds under the masks; files above ``exact`` bytes are zipped in parts and marked so."""
    graph, arrays = model.graph(), model.arrays()
    weighed = sizes(arrays, masks, zipped=zipped, exact=exact)
    return Costs(weighed, total(graph), effective(graph, arrays, masks))


def measurement_of(split: str, tally: Looking, costs: Costs, dense: Graph | int | None = None) -> Measurement:
    """The Measurement of what a tally has seen; unfinished, its ``accuracy`` is the middle of the 95 %
    interval (R² of a regression that of what was seen)."""
    weighed = costs.sizes
    if isinstance(dense, Graph):
        dense = sum(weight.size for weight in dense.weights())
    kernels = weighed.kernels if dense is None else dense
    return Measurement(
        split=split,
        samples=tally.seen,
        of_samples=tally.samples,
        **tally.found(),
        parameters=weighed.parameters,
        nonzero=weighed.nonzero,
        sparsity=1 - weighed.kernels_nonzero / kernels if kernels else 0.0,
        macs=costs.macs,
        effective_macs=costs.effective_macs,
        dense_bytes=weighed.dense_bytes,
        zipped_bytes=weighed.zipped_bytes,
        zipped_estimated=weighed.zipped_estimated,
        sparse_bytes=weighed.sparse_bytes,
    )
