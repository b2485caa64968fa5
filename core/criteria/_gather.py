"""From what passes yield batch by batch to the signals a criterion asked for."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from core.backends._base import Floats
from core.criteria._passes import Part, of_gradients
from core.criteria._signals import Need, Signals
from core.criteria._spread import Spread
from core.errors import EmptyData


def gather(
    weights: Mapping[str, Floats], needs: Collection[Need], gradients: Iterable[Mapping[str, Floats]]
) -> dict[str, Signals]:
    """The signals of every Weight by name, from gradients alone.

    Args:
        weights: By Weight name.
        needs: What is asked for, of what gradients give; ``gradients`` is not touched when nothing is.
        gradients: One mapping per calibration batch, array name to gradient. One batch is held at a time.

    Raises:
        EmptyData: Something is asked for and there is no batch.
        BadWeights: A gradient is missing, NaN or infinite.
    """
    wanted = frozenset(needs)
    return folded(weights, wanted, of_gradients(weights, wanted, gradients) if wanted else ())


def folded(
    weights: Mapping[str, Floats], needs: Collection[Need], parts: Iterable[Part], spread: Spread | None = None
) -> dict[str, Signals]:
    """The signals of every Weight: means over parts, one part held at a time.

    Args:
        weights: By Weight name.
        needs: What is asked for.
        parts: From :mod:`core.criteria._passes`.
        spread: Is shown every part as well.

    Raises:
        EmptyData: Something is asked for and there is no batch.
    """
    sums: dict[tuple[str, Need], Floats] = {}
    shares: dict[tuple[str, Need], float] = {}
    for part in parts:
        for key, value in part.values.items():
            value = value if part.share == 1 else value * np.float32(part.share)
            known = sums.get(key)
            sums[key] = np.array(value) if known is None else np.add(known, value, out=known)
            shares[key] = shares.get(key, 0.0) + part.share
        if spread is not None:
            spread.add(part)
    if needs and not sums:
        raise EmptyData("The criterion needs data, but there is no calibration batch to take it from.")
    for (name, need), total in sums.items():
        total /= np.float32(shares[name, need])
        if need is Need.INPUT_NORM:  # means of squares so far
            np.sqrt(total * np.float32(shares[name, need]), out=total)
    return {name: Signals(weight, **{n.value: sums[name, n] for n in needs}) for name, weight in weights.items()}
