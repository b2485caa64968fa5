"""What is asked of the network for each need: one pass over the calibration samples serves all needs of its kind.

A pass yields parts: for some Weights and needs one batch's contribution, and how much it counts in the mean.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from core.backends._base import Batch, Floats, LoadedModel, Masks
from core.criteria import _taps
from core.criteria._base import per_row
from core.criteria._places import Use, uses
from core.criteria._seeding import generator
from core.criteria._signals import PROBES, TEMPERATURE, Need
from core.errors import BadWeights

#: Bytes of random vectors, and of what flows through the network, that are held at a time.
MOST = 1 << 28


@dataclass(frozen=True)
class Part:
    """One batch's contribution by (Weight, need); the signal is the mean over parts, each counting its share."""

    values: Mapping[tuple[str, Need], Floats]
    share: float = 1.0


@dataclass(frozen=True)
class Source:
    """The network, and the samples to look at it with.

    ``batches`` gives the same calibration batches each time it is called; ``movement`` what training moved.
    """

    model: LoadedModel
    batches: Callable[[], Iterator[Batch]]
    movement: Callable[[], Mapping[str, Floats]]
    masks: Masks
    seed: int = 0


Weights = Mapping[str, Floats]
Pass = Callable[[Source, Weights, frozenset[Need]], Iterator[Part]]


def of_gradients(weights: Weights, needs: frozenset[Need], gradients: Iterable[Mapping[str, Floats]]) -> Iterator[Part]:
    """Parts from one mapping per batch, array name to gradient."""
    for batch in gradients:
        yield Part(
            {(name, need): _FROM_GRADIENT[need](weights[name], checked(name, batch)) for name in weights
             for need in needs}
        )  # fmt: skip


def checked(name: str, batch: Mapping[str, Floats]) -> Floats:
    """The array of that name, if it is there and finite.

    Raises:
        BadWeights: It is not.
    """
    array = batch.get(name)
    if array is None:
        raise BadWeights(f'The framework gave no gradient for "{name}".')
    if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        raise BadWeights(f'The gradient of "{name}" is NaN or infinite. Look at the scaling of the data.')
    return array


def _squared_row_product(weight: Floats, gradient: Floats) -> Floats:
    # Products of one row cancel: the sum is taken in double precision.
    sums = per_row(gradient * weight).sum(axis=1, dtype=np.float64)
    squares: Floats = np.square(sums).astype(np.float32)
    return squares


_FROM_GRADIENT: Mapping[Need, Callable[[Floats, Floats], Floats]] = {
    Need.GRADIENT: lambda weight, gradient: gradient,
    Need.SQUARED_GRADIENT: lambda weight, gradient: np.square(gradient),
    Need.SQUARED_ROW_PRODUCT: _squared_row_product,
}


def _gradients(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    yield from of_gradients(weights, needs, source.model.gradients(source.batches(), source.masks))


def _fisher(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """A mean over samples: a small last batch counts as little as it holds."""
    sizes: list[int] = []
    for squares in source.model.squared_gradients(_counted(source.batches(), sizes), source.masks):
        yield Part({(name, Need.FISHER): checked(name, squares) for name in weights}, sizes.pop(0))


def _counted(batches: Iterator[Batch], sizes: list[int]) -> Iterator[Batch]:
    for batch in batches:
        sizes.append(len(batch.y))
        yield batch


def _hessian_diagonal(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """z ⊙ H z for random z of ±1; as many vectors at a time as fit."""
    together = max(1, min(PROBES, MOST // max(1, 4 * sum(weight.size for weight in weights.values()))))
    for first in range(0, PROBES, together):
        vectors = [_signs(weights, source.seed, n) for n in range(first, min(first + together, PROBES))]
        for products in source.model.hessian_products(source.batches(), vectors, source.masks):
            yield Part(
                {
                    (name, Need.HESSIAN_DIAGONAL): np.mean(
                        [z[name] * checked(name, h) for z, h in zip(vectors, products, strict=True)], axis=0
                    )
                    for name in weights
                },
                len(vectors),
            )


def _signs(weights: Weights, seed: int, number: int) -> dict[str, Floats]:
    """±1, in canonical order the same in every framework."""
    return {
        name: generator(seed, f"{name}#{number}").integers(0, 2, weight.shape, np.int8).astype(np.float32) * 2 - 1
        for name, weight in weights.items()
    }


def _hessian_gradient(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """H g: g is the mean gradient of all batches over all Weights of the network, not only those that are ranked."""
    kernels = [weight.name for weight in source.model.graph().weights()]
    total: dict[str, Floats] = {}
    count = 0
    for batch in source.model.gradients(source.batches(), source.masks, temperature=TEMPERATURE):
        count += 1
        for name in kernels:
            total[name] = total.get(name, np.float32(0)) + checked(name, batch)
    mean = {name: np.asarray(value / np.float32(count), np.float32) for name, value in total.items()}
    for (product,) in source.model.hessian_products(source.batches(), [mean], source.masks, temperature=TEMPERATURE):
        yield Part({(name, Need.HESSIAN_GRADIENT): checked(name, product) for name in weights})


def _flowing(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """All needs that taps fill. Batches are halved until what flows through the places at once fits."""
    graph = source.model.graph()
    places = {name: uses(graph)[name] for name in weights}
    names = sorted(set().union(*(_taps.names(several, needs) for several in places.values())))
    gradients = bool(needs & _taps.WITH_GRADIENTS)
    weighing: list[np.ndarray] = []
    batches = _weighed(_smaller(source.batches(), _most(places, names, gradients)), weighing)
    for taps in source.model.taps(batches, names, source.masks, gradients=gradients):
        weight = weighing.pop(0)
        for name, several in places.items():
            for need in needs:
                share, value = _taps.statistic(need, weights[name].shape, several, taps, weight)
                yield Part({(name, need): value}, share)


def _most(places: Mapping[str, Sequence[Use]], names: Sequence[str], gradients: bool) -> int:
    """Samples whose values fit into ``MOST`` bytes."""
    shapes = {
        place.tap: place.shape
        for several in places.values()
        for use in several
        for place in (use.taken, use.made)
        if place is not None
    }
    per_sample = sum(4 * prod(max(1, size) for size in shapes[name]) for name in names) * (2 if gradients else 1)
    return max(1, MOST // max(1, per_sample))


def _smaller(batches: Iterator[Batch], most: int) -> Iterator[Batch]:
    for x, y, weight in (Batch(*batch) for batch in batches):
        for start in range(0, len(y), most):
            part = slice(start, start + most)
            yield Batch(x[part], y[part], None if weight is None else weight[part])


def _weighed(batches: Iterator[Batch], weights: list[np.ndarray]) -> Iterator[Batch]:
    for batch in batches:
        weights.append(np.ones(len(batch.y)) if batch.weight is None else np.asarray(batch.weight, np.float64))
        yield batch


def _flow(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """Flows of deep networks leave single precision: then all are divided by the largest, which keeps their order."""
    found = source.model.synaptic_flow(source.masks)
    largest = max((float(np.max(flow, initial=0)) for flow in found.values()), default=0.0)
    factor = 1 / largest if largest > float(np.finfo(np.float32).max) / 1e6 and np.isfinite(largest) else 1.0
    flows = {name: np.asarray(flow * factor, np.float32) for name, flow in found.items()}
    yield Part({(name, Need.FLOW): checked(name, flows) for name in weights})


def _movement(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    found = source.movement()
    yield Part({(name, Need.MOVEMENT): checked(name, found) for name in weights})


def _scale(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    arrays, places = source.model.arrays(), uses(source.model.graph())
    for name in weights:
        scale = next(use.scale for use in places[name] if use.scale)
        yield Part({(name, Need.SCALE): arrays[scale]})


#: Which pass serves which needs, and in how many goes through the calibration batches.
PASSES: Mapping[frozenset[Need], Pass] = {
    frozenset(_FROM_GRADIENT): _gradients,
    frozenset({Need.FISHER}): _fisher,
    frozenset({Need.HESSIAN_DIAGONAL}): _hessian_diagonal,
    frozenset({Need.HESSIAN_GRADIENT}): _hessian_gradient,
    _taps.FROM_TAPS: _flowing,
    frozenset({Need.FLOW}): _flow,
    frozenset({Need.MOVEMENT}): _movement,
    frozenset({Need.SCALE}): _scale,
}


def parts(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """All parts of all needs, pass by pass."""
    for served, run in PASSES.items():
        if served & needs:
            yield from run(source, weights, served & needs)


__all__ = ["MOST", "PASSES", "Part", "Source", "checked", "of_gradients", "parts"]
