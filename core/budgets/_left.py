"""What a decision leaves of a network, without a framework: entries, shapes and arrays after cut and mask."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats, LoadedModel
from core.decisions import Decision, cuts
from core.graph import Graph
from core.masks import Mask

if TYPE_CHECKING:
    from core.datasets import Parts

#: Entries looked at in one go.
CHUNK = 1 << 22


@dataclass(frozen=True, eq=False)
class Left:
    """A network after a decision: channels of groups that can be cut are cut, everything else becomes zero.

    Attributes:
        model: The network before it; not changed.
        graph: Its graph.
        arrays: Its arrays.
        decision: What goes.
        parts: Data as the network takes it, where there is any.
    """

    model: LoadedModel
    graph: Graph
    arrays: Mapping[str, Floats]
    decision: Decision
    parts: "Parts | None" = None

    def entries(self) -> dict[str, int]:
        """By array, entries that are neither masked nor cut away: a channel's mask covers all that a cut takes."""
        masks = self.decision.masks
        sizes = {name: int(np.prod(shape, dtype=np.int64)) for name, shape in self.graph.arrays.items()}
        return {name: size - (masks[name].removed if name in masks else 0) for name, size in sizes.items()}

    def widths(self) -> dict[str, int]:
        """By array, its rows after the cut."""
        stays = cuts(self.graph, self.decision)
        return {n: len(stays[n, 0]) if (n, 0) in stays else shape[0] for n, shape in self.graph.arrays.items() if shape}

    def cut(self) -> tuple[dict[str, Floats], dict[str, Mask]]:
        """Arrays and masks of the network after the cut; those that are not cut are handed on as they are."""
        left, masks = dict(self.arrays), dict(self.decision.masks)
        for (name, axis), kept in cuts(self.graph, self.decision).items():
            left[name] = np.take(left[name], kept, axis)
            if name in masks:
                masks[name] = Mask(np.take(masks[name].kept, kept, axis))
        return left, masks

    def kernels(self) -> Iterator[NDArray[np.float64]]:
        """The prunable weights that stay, stretch by stretch."""
        masks = self.decision.masks
        for weight in self.graph.weights():
            array = self.arrays[weight.name]
            kept = masks[weight.name].kept if weight.name in masks else None
            rows = max(1, CHUNK // max(1, weight.size // max(1, weight.shape[0])))
            for start in range(0, weight.shape[0], rows):
                part = array[start : start + rows].astype(np.float64)
                yield part if kept is None else part[kept[start : start + rows]]
