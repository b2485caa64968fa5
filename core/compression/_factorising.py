"""What methods share that make one kernel two: which kernels, what is left of them, and what is told of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.backends._base import LoadedModel
from core.compression._base import Compressed, Context, Method
from core.compression._ranks import NO_SMALLER, Ranks, misfit, ranks_of, spectra_of
from core.factors import factors
from core.plan import Compression


class Factorising(Method):
    """A method that begins with the truncated singular value decomposition of every kernel it can."""

    keeps_zeros = False

    def misfit(self, model: LoadedModel, choice: Compression) -> str:
        return misfit(model, choice)

    def trains(self, choice: Compression) -> bool:
        return choice.epochs > 0

    def begun(self, before: Compressed, choice: Compression, context: Context) -> tuple[LoadedModel, Ranks]:
        """The network with dense factors, and which ranks they have."""
        context.doing("Taking singular values")
        found = ranks_of(*spectra_of(before.model, context.poll), choice)
        return factorised(before.model, found), found


def factorised(model: LoadedModel, found: Ranks) -> LoadedModel:
    """The network with the kernels that become two; the same one where none does."""
    arrays, chosen = model.arrays(), found.chosen
    if not chosen:
        return model
    return model.factorised({name: factors(arrays[name], rank) for name, rank in chosen.items()})


def facts(found: Ranks) -> dict[str, Mapping[str, Any]]:
    """By Weight name: the rank and what it keeps, or why the kernel is whole."""
    made: dict[str, Mapping[str, Any]] = {}
    for one in found.spectra:
        rank = found.ranks[one.name]
        if rank is None:
            made[one.name] = {"rank": None, "reason": NO_SMALLER, "parameters": one.size}
        else:
            made[one.name] = {"rank": rank, "energy": float(one.energy()[rank - 1]), "parameters": one.cost(rank)}
    return made | {name: {"rank": None, "reason": reason} for name, reason in found.refused.items()}


def told(before: LoadedModel, after: LoadedModel, found: Ranks) -> tuple[str, ...]:
    """What became of the kernels, which are whole and why, and what became of the zeros."""
    chosen, old = found.chosen, before.arrays()
    total = len(found.ranks) + len(found.refused)
    lines = [f"{len(chosen)} of {total} kernels became two factors: {_size(before):,} weights → {_size(after):,}."]
    whole = {name: NO_SMALLER for name in found.ranks if name not in chosen} | dict(found.refused)
    lines += [f"{name} stays whole: {reason}." for name, reason in whole.items()]
    lines += [found.shortage] if found.shortage else []
    lost = sum(int(np.count_nonzero(old[name] == 0)) for name in chosen)
    if lost:
        lines.append(f"Low rank cannot keep zeros: {lost:,} zeros of the factorised kernels are no longer there.")
    return tuple(lines)


def _size(model: LoadedModel) -> int:
    return sum(weight.size for weight in model.graph().weights())
