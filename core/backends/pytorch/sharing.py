"""Entries that share a value share its gradient, the sum of all of theirs."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.backends._base import Extras
from core.backends.pytorch.arrays import Place


class Shared:
    """The shared values of one array.

    Args:
        place: Where the array is.
        parameter: The tensor it is in.
        codes: Canonical, -1 for entries that share nothing.
    """

    def __init__(self, place: Place, parameter: nn.Parameter, codes: NDArray[np.int64]) -> None:
        whole = torch.full(parameter.shape, -1, dtype=torch.int64)
        whole[place.start : place.stop] = place.back(torch.from_numpy(np.array(codes, np.int64)))
        flat = whole.flatten()
        self._parameter = parameter
        self._at = torch.nonzero(flat >= 0).flatten().to(parameter.device)
        self._codes = flat[flat >= 0].to(parameter.device)
        self._values = int(codes.max(initial=-1)) + 1

    @torch.no_grad()
    def add(self) -> None:
        """Give every entry the sum of the gradients of those it shares its value with."""
        gradient = self._parameter.grad
        if gradient is None:
            return
        flat = gradient.flatten()  # shares its memory where that is contiguous
        sums = flat.new_zeros(self._values).index_add_(0, self._codes, flat[self._at])
        flat[self._at] = sums[self._codes]
        if not gradient.is_contiguous():
            self._parameter.grad = torch.empty_like(self._parameter).copy_(flat.view(gradient.shape))


def sharing(extras: Extras, places: Mapping[str, Place], named: Mapping[str, nn.Parameter]) -> list[Shared]:
    """What is shared, array by array (``Extras.shared``)."""
    found = []
    for name, codes in (extras.shared or {}).items():
        place = places[name]
        if place.keys[0] in named:
            found.append(Shared(place, named[place.keys[0]], codes))
    return found
