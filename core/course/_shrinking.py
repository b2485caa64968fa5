"""The network as its masks leave it, before it is trained again: channels gone, what cannot be cut still masked."""

import numpy as np

from core.backends._base import Cuts, LoadedModel, Masks
from core.masks import Mask
from core.pruning import Decision, cuts


def shrunk(dense: LoadedModel, decision: Decision) -> tuple[LoadedModel, Masks]:
    """The cut network and the masks that are left to lay over it."""
    removed = cuts(dense.graph(), decision)
    if not removed:
        return dense, decision.masks
    smaller = dense.cut(removed)
    return smaller, _left(decision.masks, removed)


def _left(masks: Masks, removed: Cuts) -> dict[str, Mask]:
    """Each mask on the indices that stay; those that keep everything now are left out."""
    left = {}
    for name, mask in masks.items():
        kept = mask.kept
        for axis in range(kept.ndim):
            if (name, axis) in removed:
                kept = np.take(kept, removed[name, axis], axis=axis)
        if not kept.all():
            left[name] = Mask(np.ascontiguousarray(kept))
    return left
