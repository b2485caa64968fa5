"""What is asked of the network for each need: one pass over the calibration samples serves all needs of its kind.

A pass yields parts: for some Weights and needs one batch's contribution, and how much it counts in the mean.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from core.backends._base import Batch, Floats, LoadedModel, Masks, Tap
from core.criteria import _taps
from core.criteria._base import per_row
from core.criteria._halves import Halves
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


def of_gradients(
    weights: Weights, needs: frozenset[Need], gradients: Iterable[Mapping[str, Floats]], sizes: list[int] | None = None
) -> Iterator[Part]:
    """Parts from one mapping per batch, array name to gradient; ``sizes`` then holds how many samples the batch has."""
    for batch in gradients:
        yield Part(
            {(name, need): _FROM_GRADIENT[need](weights[name], checked(name, batch)) for name in weights
             for need in needs},
            sizes.pop(0) if sizes else 1.0,
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
        raise BadWeights(
            f'The gradient of "{name}" is NaN or infinite. Look at the scaling of the data, and at the learning rate '
            "if the network was trained just before."
        )
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
    """A small last batch counts as little as it holds: the mean gradient is that of the mean loss of all samples."""
    sizes: list[int] = []
    yield from of_gradients(
        weights, needs, source.model.gradients(_counted(source.batches(), sizes), source.masks), sizes
    )


def _fisher(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """A mean over samples, likewise."""
    sizes: list[int] = []
    for squares in source.model.squared_gradients(_counted(source.batches(), sizes), source.masks):
        yield Part({(name, Need.FISHER): checked(name, squares) for name in weights}, sizes.pop(0))


def _counted(batches: Iterator[Batch], sizes: list[int]) -> Iterator[Batch]:
    for batch in batches:
        sizes.append(len(batch.y))
        yield batch


def _hessian_diagonal(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """z ⊙ H z for random z of ±1, as many at a time as fit.

    Every batch has vectors of its own: what they err by evens out over the batches, and is part of the spread.
    """
    together = max(1, min(PROBES, MOST // max(1, 4 * sum(weight.size for weight in weights.values()))))
    for number, batch in enumerate(source.batches()):
        for first in range(0, PROBES, together):
            several = range(first, min(first + together, PROBES))
            vectors = [_signs(weights, source.seed, number * PROBES + n) for n in several]
            (products,) = source.model.hessian_products([batch], vectors, source.masks)
            pairs = list(zip(vectors, products, strict=True))
            estimates = {
                (name, Need.HESSIAN_DIAGONAL): np.mean([z[name] * checked(name, h) for z, h in pairs], axis=0)
                for name in weights
            }
            yield Part(estimates, len(vectors) * len(batch.y))


def _signs(weights: Weights, seed: int, number: int) -> dict[str, Floats]:
    """±1, in canonical order the same in every framework."""
    return {name: _drawn(generator(seed, f"{name}#{number}"), weight.shape) for name, weight in weights.items()}


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """A bit for each: five times as quick as whole numbers."""
    bits = np.unpackbits(np.frombuffer(rng.bytes(-(-prod(shape) // 8)), np.uint8), count=prod(shape))
    signs = np.multiply(bits, np.float32(2)).reshape(shape)
    signs -= 1
    return signs


def _hessian_gradient(source: Source, weights: Weights, needs: frozenset[Need]) -> Iterator[Part]:
    """H g: g is the mean gradient of all batches over all Weights of the network, not only those that are ranked."""
    kernels = [weight.name for weight in source.model.graph().weights()]
    halves, sizes = Halves(), list[int]()
    batches = _counted(source.batches(), sizes)
    for batch in source.model.gradients(batches, source.masks, temperature=TEMPERATURE):
        halves.gradient({name: checked(name, batch) for name in kernels}, sizes.pop(0))
    products = source.model.hessian_products(source.batches(), halves.vectors(), source.masks, temperature=TEMPERATURE)
    for number, found in enumerate(products):
        halves.products(number, [{name: checked(name, product) for name in weights} for product in found])
    for values, held in halves.parts():
        yield Part({(name, Need.HESSIAN_GRADIENT): value for name, value in values.items()}, held)


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
        _must_be_finite(taps)
        for name, several in places.items():
            for need in needs:
                share, value = _taps.statistic(need, weights[name].shape, several, taps, weight)
                yield Part({(name, need): value}, share)


def _must_be_finite(taps: Mapping[str, Tap]) -> None:
    """Neither zeros nor ranks can be counted among NaN.

    Raises:
        BadWeights: What flows through a place is NaN or infinite.
    """
    for name, tap in taps.items():
        for array in (tap.value, tap.gradient):
            if array is not None and array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
                raise BadWeights(
                    f'What flows through "{name}" is NaN or infinite. Look at the weights and the scaling of the data.'
                )


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
    """Flows of deep networks leave single precision, upwards or, with few or small weights left, downwards: then all
    are divided by the largest, which keeps their order."""
    found = source.model.synaptic_flow(source.masks)
    largest = max((float(np.max(flow, initial=0)) for flow in found.values()), default=0.0)
    usual = largest == 0 or 1e-20 < largest < 1e30 or not np.isfinite(largest)
    flows = {name: np.asarray(flow if usual else flow / largest, np.float32) for name, flow in found.items()}
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
