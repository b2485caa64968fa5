"""Which rank each kernel gets under a choice, and why the others stay whole."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.backends._base import LoadedModel, Poll, no_poll
from core.factors import Spectrum, by_energy, by_share, fixed, least_share, spectrum, unfactorable
from core.graph import Weight
from core.plan import Compression

#: Why a kernel that could be two factors is not.
NO_SMALLER = "its factors would be no smaller than itself"


@dataclass(frozen=True)
class Ranks:
    """What a choice makes of every kernel.

    Attributes:
        spectra: Of the kernels that can be factorised, in the network's order.
        ranks: By their names the rank; None where the kernel stays whole because its factors would be no smaller.
        refused: By name why a kernel cannot be factorised at all.
        shortage: A sentence where a budget is too small for what is left at rank 1.
    """

    spectra: tuple[Spectrum, ...]
    ranks: Mapping[str, int | None]
    refused: Mapping[str, str]
    shortage: str = ""

    @property
    def chosen(self) -> dict[str, int]:
        """Of the kernels that become two."""
        return {name: rank for name, rank in self.ranks.items() if rank is not None}


def spectra_of(model: LoadedModel, poll: Poll = no_poll) -> tuple[tuple[Spectrum, ...], dict[str, str]]:
    """The singular values of every kernel that can be factorised; by name why the others cannot."""
    graph, arrays, found = model.graph(), model.arrays(), []
    refused, weights = unfactorable(graph), graph.weights()
    for done, weight in enumerate(weights):
        poll(done, len(weights))
        if weight.name not in refused:
            found.append(spectrum(weight.name, arrays[weight.name]))
    return tuple(found), refused


def misfit(model: LoadedModel, choice: Compression) -> str:
    """Why a choice cannot be for this network: no kernel can be factorised, a rank is for none that can, or the budget
    is too small for kernels of these shapes."""
    graph = model.graph()
    refused, names = unfactorable(graph), [weight.name for weight in graph.weights()]
    if set(names) <= set(refused):
        return f"No kernel of this network can be two factors. {_reasons(refused)}"
    for name in choice.ranks:
        if name not in names or name in refused:
            why = f"it stays whole: {refused[name]}" if name in refused else "the network has no such kernel"
            return f'A rank was given for "{name}", but {why}.'
    shapes = tuple(_hollow(weight) for weight in graph.weights() if weight.name not in refused)
    return _shortage(shapes, choice, fixed(shapes, choice.ranks))


def _hollow(weight: Weight) -> Spectrum:
    """A spectrum of which only the shape counts."""
    rows, columns = weight.shape[0], weight.size // max(weight.shape[0], 1)
    return Spectrum(weight.name, rows, columns, np.zeros(min(rows, columns)))


def _shortage(found: tuple[Spectrum, ...], choice: Compression, held: Mapping[str, int | None]) -> str:
    least = least_share(found, held)
    if choice.share is None or choice.share >= least:
        return ""
    return f"A share of {choice.share:g} of the weights cannot be had: with rank 1 everywhere {least:.4f} are left."


def _reasons(refused: Mapping[str, str]) -> str:
    return " ".join(f"{name}: {reason}." for name, reason in refused.items())


def ranks_of(found: tuple[Spectrum, ...], refused: Mapping[str, str], choice: Compression) -> Ranks:
    """The ranks under a choice: those that are fixed, and the rest by its share of parameters, else by its energy.

    A rank that is more than the factors may have leaves its kernel whole.
    """
    held = fixed(found, choice.ranks)
    if choice.share is None:
        return Ranks(found, by_energy(found, choice.energy) | held, refused)
    return Ranks(found, by_share(found, choice.share, held), refused, _shortage(found, choice, held))
