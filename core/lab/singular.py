"""The singular values of a network's kernels, as a plan leaves them before it trains."""

from typing import Any

import numpy as np

from core.backends._base import Cuts, Floats, Masks
from core.controls import prunes
from core.factors import Spectrum, spectrum, unfactorable
from core.lab.library import Library, Opened
from core.lab.shelf import Caller
from core.masks import digest
from core.plan import Plan
from core.pruning import Decision, cuts


def singular_values(library: Library, opened: Opened, plan: Plan, caller: Caller) -> dict[str, Any]:
    """The answer to ``singular_values``.

    Returns:
        ``kernels``: per kernel that can be two factors ``name``, ``rows``, ``columns`` (of what the plan leaves of it)
        and its ``values``, largest first. ``refused``: by name why the others cannot.
    """
    decision = library.decision(opened, plan, caller) if prunes(plan) else Decision({}, {}, {})
    graph, masks = opened.network.graph(), decision.masks
    refused = unfactorable(graph)

    def taken() -> list[Spectrum]:
        removed, made = cuts(graph, decision), []
        weights = [weight.name for weight in graph.weights() if weight.name not in refused]
        for done, name in enumerate(weights):
            caller.breathe(done, len(weights))
            made.append(spectrum(name, _left(opened.network.arrays()[name], name, masks, removed)))
        return made

    key = ("singular", opened.key, digest(masks))
    found = library.shelf.get(key, taken, lambda made: sum(one.values.nbytes for one in made), caller)
    told = [{"name": o.name, "rows": o.rows, "columns": o.columns, "values": o.values} for o in found]
    return {"kernels": told, "refused": refused}


def _left(kernel: Floats, name: str, masks: Masks, removed: Cuts) -> Floats:
    """A kernel with its masked entries zero, and without the rows and columns that are cut."""
    found = np.where(masks[name].kept, kernel, np.float32(0)) if name in masks else kernel
    for axis in (0, 1):
        if (name, axis) in removed:
            found = np.take(found, removed[name, axis], axis=axis)
    return np.asarray(found, np.float32)
