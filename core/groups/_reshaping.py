"""Channels through a row-major reshape."""

from collections.abc import Iterator
from math import prod

import numpy as np

from core.groups._channels import AxisIds, ValueIds

Shape = tuple[int, ...]


def reshaped(ids: ValueIds, before: Shape, after: Shape) -> tuple[ValueIds, list[AxisIds]]:
    """The ids after a reshape, and those it cannot carry on.

    Axes are merged or split in blocks of equal size. Where exactly one axis of a block has channels and one axis
    comes out, every channel becomes a run of entries, or a comb: (16, 5, 5) flattened gives 16 runs of 25,
    (5, 5, 16) gives 25 times the 16 in turn. Two axes with channels, or an axis that is split, cannot be expressed.
    """
    result: list[AxisIds] = [None] * len(after)
    lost: list[AxisIds] = []
    for sources, targets in _blocks(before, after):
        carrying = [axis for axis in sources if ids[axis] is not None]
        wide = [axis for axis in targets if after[axis] > 1] or targets[:1]
        if len(carrying) == 1 and len(wide) == 1:
            result[wide[0]] = _spread(ids, before, sources, carrying[0])
        else:
            lost += [ids[axis] for axis in carrying]
    return tuple(result), lost


def _spread(ids: ValueIds, before: Shape, sources: list[int], axis: int) -> AxisIds:
    own = ids[axis]
    assert own is not None  # chosen because it has channels
    outer = prod(before[a] for a in sources if a < axis)
    inner = prod(before[a] for a in sources if a > axis)
    return np.tile(np.repeat(own, inner), outer)


def _blocks(before: Shape, after: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """The smallest runs of axes on both sides that hold the same number of entries."""
    i = j = 0
    while i < len(before) and j < len(after):
        sources, targets = [i], [j]
        while prod(before[a] for a in sources) != prod(after[a] for a in targets):
            if prod(before[a] for a in sources) < prod(after[a] for a in targets):
                sources.append(sources[-1] + 1)
            else:
                targets.append(targets[-1] + 1)
        i, j = sources[-1] + 1, targets[-1] + 1
        yield sources, targets
    yield list(range(i, len(before))), list(range(j, len(after)))  # what is left has size 1
