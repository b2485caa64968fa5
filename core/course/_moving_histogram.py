"""Histograms on axes that stand still while a network trains, so that they can be seen to move."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.backends._base import Floats, LoadedModel, Masks

#: Edges per layer. An even number: zero lies in the middle of a bin, not on an edge.
EDGES = 40
#: The axis reaches further than the largest weight at the start; what leaves it is counted in the outermost bins.
_ROOM = 1.25


class MovingHistogram:
    """Counts of every Weight's values, between edges that are fixed by the network a run starts with.

    Args:
        start: That network.
    """

    def __init__(self, start: LoadedModel) -> None:
        arrays = start.arrays()
        names = [weight.name for weight in start.graph().weights() if weight.size]
        self._edges = {name: _edges(arrays[name]) for name in names}

    def rows(self, arrays: Mapping[str, Floats], masks: Masks) -> dict[str, Any]:
        """By Weight name ``edges``, ``counts`` of what is kept between them, and how many are ``gone``."""
        return {name: self._row(arrays[name], name, masks) for name in self._edges if name in arrays}

    def _row(self, array: Floats, name: str, masks: Masks) -> dict[str, Any]:
        edges = self._edges[name]
        inside = np.clip(np.nan_to_num(array), edges[0], edges[-1])
        counts = np.histogram(inside, edges)[0]
        gone = masks[name].removed if name in masks else 0
        counts[len(counts) // 2] -= gone  # masked entries are zeros
        return {"edges": edges.tolist(), "counts": counts.tolist(), "gone": gone}


def _edges(array: Floats) -> np.ndarray:
    reach = float(np.abs(np.nan_to_num(array)).max(initial=0.0)) * _ROOM or 1.0
    return np.linspace(-reach, reach, EDGES).round(7)
