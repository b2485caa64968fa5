"""The answer to ``differ``: where two criteria's masks differ in one layer."""

from typing import Any

import numpy as np

from core.edits import with_criterion
from core.lab import picture
from core.lab.library import Library, Opened, weights_of
from core.lab.shelf import Caller
from core.plan import Plan


def differ(
    library: Library, opened: Opened, plan: Plan, names: tuple[str, str], layer: str, caller: Caller
) -> dict[str, Any]:
    """What each of two criteria would take from a layer's kernels.

    Returns:
        ``layer`` and ``weights``: per kernel ``name``, ``shape`` and, as pictures of at most 256 x 256 blocks
        (:mod:`core.lab.picture`), the shares of entries that go under ``both``, under ``only_a``, under ``only_b``.
    """
    masks = [library.decision(opened, with_criterion(plan, name), caller).masks for name in names]
    kernels = []
    for weight in weights_of(opened.network, layer):
        whole = np.ones(weight.shape, np.bool_)
        a, b = (~(found[weight.name].kept if weight.name in found else whole) for found in masks)
        shares = {"both": a & b, "only_a": a & ~b, "only_b": b & ~a}
        pictures = {name: picture.share(flags) for name, flags in shares.items()}
        kernels.append({"name": weight.name, "shape": list(weight.shape), **pictures})
        caller.breathe()
    return {"layer": layer, "weights": kernels}
