"""What the loss says when one unit after the other is left out: no estimate, and one pass over the samples for each."""

from collections.abc import Sequence

import numpy as np

from core.backends._base import LoadedModel, Masks, Poll
from core.calibrating import Batches, all_of
from core.errors import BadSetting
from core.losses import sample_losses
from core.scores import Scores
from core.structures import Structure, Units

#: Units whose absence is measured in one go; more would take hours.
MOST = 5_000


def refuse_many(structure: Structure, units: Sequence[Units]) -> int:
    """How many units there are.

    Raises:
        BadSetting: Too many.
    """
    total = sum(unit.size for unit in units)
    if total > MOST:
        raise BadSetting(
            f"Ablation measures the loss once for each unit; this network has {total:,} {structure.unit}s, more than "
            f"{MOST:,}. Choose larger units, such as channels, or another criterion."
        )
    return total


def ablated(
    model: LoadedModel, structure: Structure, units: Sequence[Units], batches: Batches, masks: Masks, poll: Poll
) -> dict[str, Scores]:
    """By pool what the mean loss rises by when the unit goes and everything else stays.

    Args:
        model: The network.
        structure: Says what goes with a unit.
        units: The pools.
        batches: Calibration samples.
        masks: What is gone already; units among it are worth nothing.
        poll: Called after every unit.

    Raises:
        BadSetting: There are too many units.
    """
    total = refuse_many(structure, units)
    graph = model.graph()
    x, y, weight = all_of(batches())

    def loss(under: Masks) -> float:
        return float(np.mean(weight * sample_losses(model, x, y, under)))

    gone = {unit.name: np.zeros(unit.size, np.bool_) for unit in structure.units(graph)}
    gone |= {name: flags.copy() for name, flags in structure.gone(graph, masks).items()}
    whole, done = loss(masks), 0
    found = {}
    for unit in units:
        rises = np.zeros(unit.size, np.float32)
        for index in np.flatnonzero(~gone[unit.name]):
            gone[unit.name][index] = True
            rises[index] = loss({**masks, **structure.masks(graph, gone)}) - whole
            gone[unit.name][index] = False
            done += 1
            poll(done, total)
        found[unit.name] = Scores(rises)
    return found
