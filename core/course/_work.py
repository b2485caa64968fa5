"""The network a run works on: masks lie over it, and it is trained where there are epochs."""

from collections.abc import Mapping

import numpy as np

from core.backends._base import Floats, LoadedModel, Masks, Trainer
from core.inputs import Inputs
from core.measures.size import trained

#: Training samples that batch normalisation is measured on, at most.
_RECALIBRATED_ON = 4096


class Work:
    """A network as it is now.

    Args:
        base: What masks are laid over where nothing is trained.
        masks: Those masks.
        trainer: Trains a copy of its own under the same masks.
    """

    def __init__(self, base: LoadedModel, masks: Masks, trainer: Trainer | None = None) -> None:
        self.base, self.masks, self.trainer = base, masks, trainer

    def now(self) -> LoadedModel:
        """The network, zeros baked in."""
        if self.trainer is not None:
            return self.trainer.model()
        return self.base.masked(self.masks) if self.masks else self.base

    def lay(self, masks: Masks) -> None:
        """Other masks."""
        self.masks = masks
        if self.trainer is not None:
            self.trainer.set_masks(masks)

    def put(self, arrays: Mapping[str, Floats]) -> None:
        """Other values, masks on."""
        if self.trainer is not None:
            self.trainer.set_arrays(arrays)
        else:
            self.base = self.base.with_arrays(arrays)

    def recalibrate(self, x: Inputs, batch_size: int, seed: int) -> None:
        """Measure batch normalisation anew on training samples; a seeded part of them where there are many."""
        if len(x) > _RECALIBRATED_ON:
            x = x[np.random.default_rng(seed).permutation(len(x))[:_RECALIBRATED_ON]]
        found = self.now().recalibrated(x, batch_size=batch_size).arrays()
        statistics = found.keys() - trained(found)
        if statistics:
            self.put({name: found[name] for name in statistics})
