"""Which rank each kernel gets under a choice, and why the others stay whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.backends._base import LoadedModel, Poll, no_poll
from core.factors import Spectrum, by_energy, by_share, fixed, spectrum, unfactorable
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
    """

    spectra: tuple[Spectrum, ...]
    ranks: Mapping[str, int | None]
    refused: Mapping[str, str]

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
    """Why a choice cannot be for this network: no kernel can be factorised, or a rank is for none that can."""
    graph = model.graph()
    refused, names = unfactorable(graph), [weight.name for weight in graph.weights()]
    if set(names) <= set(refused):
        return f"No kernel of this network can be two factors. {_reasons(refused)}"
    for name in choice.ranks:
        if name not in names or name in refused:
            why = f"it stays whole: {refused[name]}" if name in refused else "the network has no such kernel"
            return f'A rank was given for "{name}", but {why}.'
    return ""


def _reasons(refused: Mapping[str, str]) -> str:
    return " ".join(f"{name}: {reason}." for name, reason in refused.items())


def ranks_of(found: tuple[Spectrum, ...], refused: Mapping[str, str], choice: Compression) -> Ranks:
    """The ranks under a choice: those that are fixed, and the rest by its share of parameters, else by its energy.

    A rank that is more than the factors may have leaves its kernel whole.

    Raises:
        BadSetting: The share is too small.
    """
    held = fixed(found, choice.ranks)
    if choice.share is not None:
        return Ranks(found, by_share(found, choice.share, held), refused)
    return Ranks(found, by_energy(found, choice.energy) | held, refused)
