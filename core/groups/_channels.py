"""Channel ids: which are the same channel, and which must stay."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ids: TypeAlias = NDArray[np.int32]
#: One axis of a value: the channel id of every index, -1 for none; None when no index has one.
AxisIds: TypeAlias = Ids | None
#: All axes of a value, without the batch axis.
ValueIds: TypeAlias = tuple[AxisIds, ...]


@dataclass(frozen=True)
class Frozen:
    """Ids that must stay (or are estimated), and why. ``output`` are those of the network's output."""

    ids: Ids
    reason: str
    output: bool = False


class Channels:
    """Ids that can become the same channel (union-find), and a record of what must stay."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self.frozen: list[Frozen] = []
        self.estimated: list[Frozen] = []

    def fresh(self, count: int) -> Ids:
        """Ids nobody has yet."""
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count, dtype=np.int32)

    def freeze(self, ids: AxisIds, reason: str, *, output: bool = False) -> None:
        """These channels stay. Before or after they became the same as others."""
        if ids is not None and (ids >= 0).any():
            self.frozen.append(Frozen(ids[ids >= 0], reason, output))

    def estimate(self, ids: AxisIds, reason: str) -> None:
        """Zeros of these channels are not quite what the cut network computes."""
        if ids is not None and (ids >= 0).any():
            self.estimated.append(Frozen(ids[ids >= 0], reason))

    def unite(self, one: Ids, other: Ids) -> None:
        """Entry by entry, both ids are the same channel from now on. Neither is -1."""
        for a, b in zip(one.tolist(), other.tolist(), strict=True):
            a, b = self._root(a), self._root(b)
            self._parents[max(a, b)] = min(a, b)  # the earlier id names the channel

    def roots(self) -> Ids:
        """By id: the smallest id of the same channel."""
        roots = np.array(self._parents, dtype=np.int32)
        while not np.array_equal(above := roots[roots], roots):
            roots = above
        return roots

    def _root(self, index: int) -> int:
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index
