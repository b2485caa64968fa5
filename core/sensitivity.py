"""How the loss answers when one pool alone is pruned, measured: what equal sensitivity goes by."""

from collections.abc import Mapping

import numpy as np

from core.allocations import Curve
from core.backends._base import LoadedModel, Masks, Poll
from core.calibrating import Batches, all_of
from core.losses import sample_losses
from core.scores import Flags, Scores
from core.selection import lowest
from core.structures import Structure

#: Shares of a pool at which the loss is measured.
SHARES = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


def curves(
    model: LoadedModel,
    structure: Structure,
    worth: Mapping[str, Scores],
    batches: Batches,
    masks: Masks,
    poll: Poll,
) -> dict[str, Curve]:
    """By pool (share of its units gone, what the mean loss rises by), ascending.

    A pool is a dependency group, masked as the prune masks it: a layer of a residual sum is never measured alone, where
    it would seem to be of no use (Li et al. 2017, arXiv:1608.08710, section 3.2, by groups).

    Args:
        model: The network.
        structure: Says what goes with a unit.
        worth: By pool, what its units are worth: the lowest go.
        batches: Calibration samples.
        masks: What is gone already.
        poll: Called after every measurement.

    Raises:
        EmptyData: There are no samples.
    """
    graph = model.graph()
    x, y, weight = all_of(batches())

    def loss(under: Masks) -> float:
        return float(np.mean(weight * sample_losses(model, x, y, under)))

    before = structure.gone(graph, masks) if masks else {}
    whole, done, total = loss(masks), 0, sum(len(_counts(scores.size)) for scores in worth.values())
    found: dict[str, Curve] = {}
    for name, scores in worth.items():
        curve = []
        for count in _counts(scores.size):
            gone = {**before, name: _together(lowest(scores, count).reshape(-1), before.get(name))}
            rise = loss({**masks, **structure.masks(graph, gone, worth, masks)}) - whole
            curve.append((count / scores.size, rise))
            done += 1
            poll(done, total)
        found[name] = tuple(curve)
    return found


def _counts(size: int) -> list[int]:
    """Units that go at each share, every number once; never all of them, never none."""
    return sorted({min(max(1, round(share * size)), size - 1) for share in SHARES} - {0})


def _together(flags: Flags, before: Flags | None) -> Flags:
    return flags if before is None else flags | before.reshape(-1)
