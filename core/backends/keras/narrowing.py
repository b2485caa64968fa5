"""Zeroed channels in a file of plain Keras: normalisations that still leave them out.

A plain layer or group normalisation counts zeros in its mean and variance. Where channels are zeroed but still there,
it is written as what it does here: the kept channels are taken out, normalised among themselves, and put back in their
places between zeros. Layers and operations of Keras alone do that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats, Masks
from core.backends.keras.walk import Call

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """One plain normalisation of some of the channels."""

    layer: Any
    channels: Indices


@dataclass(frozen=True)
class Narrow:
    """Stands for a normalisation: callable like a layer."""

    path: str
    axis: int
    size: int
    pieces: Sequence[Piece]

    def __call__(self, x: Any, **_: Any) -> Any:
        from keras import ops

        axis = self.axis % len(x.shape)
        parts = [piece.layer(ops.take(x, piece.channels.tolist(), axis=axis)) for piece in self.pieces]
        joined = parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=axis)
        order = np.concatenate([piece.channels for piece in self.pieces])
        places = np.full(self.size, len(order))
        places[order] = np.arange(len(order))
        with_zero = ops.pad(joined, [(0, int(i == axis)) for i in range(len(x.shape))])
        return ops.take(with_zero, places.tolist(), axis=axis)

    def arrays(self, arrays: Mapping[str, Floats]) -> dict[str, Floats]:
        """Scale and shift of each piece, out of the whole layer's arrays."""
        roles = [role for role in ("scale", "shift") if f"{self.path}.{role}" in arrays]
        return {
            f"{piece.layer.name}.{role}": arrays[f"{self.path}.{role}"][piece.channels]
            for piece in self.pieces
            for role in roles
        }


def narrow(call: Call, kept: NDArray[np.bool_]) -> Narrow:
    """A normalisation over the channels that ``kept`` leaves, each group of a group normalisation by itself."""
    from keras import layers as k

    layer = call.operation
    axis = layer.axis[0] if isinstance(layer.axis, (list, tuple)) else layer.axis
    config = {**layer.get_config(), "name": call.path}
    parts = [np.flatnonzero(kept)]
    if isinstance(layer, k.GroupNormalization):
        rows = np.arange(kept.size).reshape(layer.groups, -1)
        parts = [row[kept[row]] for row in rows if kept[row].any()]
        if len({len(part) for part in parts}) == 1:
            config["groups"], parts = len(parts), [np.concatenate(parts)]
        else:
            config["groups"] = 1
    names = [call.path] if len(parts) == 1 else [f"{call.path}_{number}" for number in range(len(parts))]
    made = [type(layer).from_config({**config, "name": name}) for name in names]
    return Narrow(call.path, axis, kept.size, [Piece(*pair) for pair in zip(made, parts, strict=True)])


def narrowing(norms: Masks, otherwise: Callable[[Call], Any], found: dict[str, Narrow]) -> Callable[[Call], Any]:
    """What stands for each call; normalisations that leave channels out are noted in ``found`` by path."""

    def made(call: Call) -> Any:
        mask = norms.get(f"{call.path}.scale")
        if mask is None or mask.kept.all() or not mask.kept.any():
            return otherwise(call)
        found[call.path] = narrow(call, mask.kept)
        return found[call.path]

    return made
