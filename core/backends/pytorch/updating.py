"""Between a gradient and the optimiser's step: masked entries held, hidden values kept, movement summed."""

from collections.abc import Iterable, Mapping

import torch
from torch import nn

from core.backends._base import Extras, Floats
from core.backends.pytorch.network import Network
from core.backends.pytorch.penalising import Pull

#: Integers as wide as the number type: ``and`` with -1 keeps a number, with 0 makes it zero, even if it was NaN.
_INTEGERS = {torch.float32: torch.int32, torch.float64: torch.int64}

#: Masked parameters with the bits of what stays.
Kept = Iterable[tuple[nn.Parameter, torch.Tensor]]


def as_bits(kept: torch.Tensor, parameter: nn.Parameter) -> torch.Tensor:
    """Minus one where an entry stays, zero where it goes."""
    return kept.to(_INTEGERS[parameter.dtype]).neg_()


def blank(values: torch.Tensor | None, bits: torch.Tensor) -> None:
    """Zero what is masked, in place, whatever it was."""
    if values is None:
        return
    if values.is_contiguous():
        values.view(bits.dtype).bitwise_and_(bits)
    else:
        values.masked_fill_(bits == 0, 0.0)


class Hidden:
    """The values that masks hide while they go on learning (``Extras.dense_updates``)."""

    def __init__(self, named: Mapping[str, nn.Parameter]) -> None:
        self._named = named
        self._dense: list[tuple[nn.Parameter, torch.Tensor]] = []

    @torch.no_grad()
    def reveal(self) -> None:
        """Put them back."""
        for parameter, dense in self._dense:
            parameter.copy_(dense)
        self._dense = []

    @torch.no_grad()
    def hide(self, kept: Kept) -> None:
        """Remember the parameters as they are, and zero what is masked."""
        self._dense = [(parameter, parameter.detach().clone()) for parameter, _ in kept]
        for parameter, bits in kept:
            blank(parameter.detach(), bits)

    def forget(self) -> None:
        """Nothing is hidden any more; the parameters stay as they are."""
        self._dense = []

    def tensors(self) -> dict[str, torch.Tensor]:
        """By dotted name, of masked parameters only."""
        dense = {id(parameter): values for parameter, values in self._dense}
        return {key: dense[id(parameter)] for key, parameter in self._named.items() if id(parameter) in dense}


class Movement:
    """Sums of - gradient x weight over the steps (Sanh et al. 2020, arXiv:2005.07683, equation 3)."""

    def __init__(self, network: Network, named: Mapping[str, nn.Parameter]) -> None:
        self._places = {weight.name: network.places[weight.name] for weight in network.graph().weights()}
        self._moved = {key: named[key] for place in self._places.values() for key in place.keys if key in named}
        self.sums = {key: torch.zeros_like(parameter) for key, parameter in self._moved.items()}

    @torch.no_grad()
    def add(self) -> None:
        """One step's gradients."""
        for key, parameter in self._moved.items():
            if parameter.grad is not None:
                self.sums[key].addcmul_(parameter.grad, parameter, value=-1)

    def arrays(self) -> dict[str, Floats]:
        """By Weight name, canonical, copies."""
        return {name: place.view(self.sums[place.keys[0]]).cpu().numpy().copy() for name, place in self._places.items()}


def pull(extras: Extras, network: Network, named: Mapping[str, nn.Parameter]) -> Pull | None:
    """The penalty, None where there is none."""
    if extras.penalty == "none":
        return None
    return Pull(extras.penalty, extras.strength, network.graph(), network.places, named)
