"""Sub-gradients of penalties, added to the loss' gradient before the optimiser takes its step."""

from collections.abc import Callable, Mapping
from math import sqrt

import torch
from torch import nn

from core.backends.pytorch.arrays import Place
from core.errors import BadSetting
from core.graph import Graph

#: From an array in canonical order to the sub-gradient of its term.
SubGradient = Callable[[torch.Tensor], torch.Tensor]


def _group_lasso(array: torch.Tensor) -> torch.Tensor:
    axes = list(range(1, array.dim()))
    norms = torch.linalg.vector_norm(array, dim=axes, keepdim=True)
    return array * torch.where(norms > 0, sqrt(array[0].numel()) / norms, 0.0)


_SUBGRADIENTS: Mapping[str, SubGradient] = {
    "l1": torch.sign,
    "l2": lambda array: 2 * array,
    "group_lasso": _group_lasso,
    "bn_scale": torch.sign,
}


class Pull:
    """One penalty on one network's parameters.

    Raises:
        UnknownName: There is no such penalty.
        BadSetting: The strength is below zero.
    """

    def __init__(
        self,
        name: str,
        strength: float,
        graph: Graph,
        places: Mapping[str, Place],
        parameters: Mapping[str, nn.Parameter],
    ) -> None:
        from core.penalties import PENALTIES

        if not 0 <= strength < float("inf"):
            raise BadSetting(f"The penalty's strength must be at least 0; got {strength}.")
        penalty = PENALTIES[name]
        self._strength = strength
        self._of = _SUBGRADIENTS.get(name) or (lambda array: torch.from_numpy(penalty.gradient(array.numpy())))
        named = ((places[array], parameters.get(places[array].keys[0])) for array in penalty.arrays(graph))
        self._pulled = [(place, parameter) for place, parameter in named if parameter is not None]

    @torch.no_grad()
    def add(self) -> None:
        """Add the sub-gradient at the parameters' values to their gradients."""
        for place, parameter in self._pulled:
            if parameter.grad is not None:
                pull = place.back(self._of(place.view(parameter)))
                parameter.grad[place.start : place.stop].add_(pull, alpha=self._strength)
