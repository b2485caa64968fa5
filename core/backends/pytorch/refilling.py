"""The same network with other numbers in it."""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import fx, nn

from core.backends._base import Floats
from core.backends.pytorch.arrays import Place
from core.errors import BadSetting, BadWeights


def refilled(module: fx.GraphModule, where: Mapping[str, Place], arrays: Mapping[str, Floats]) -> fx.GraphModule:
    """A copy with other values in the named arrays; tensors of the others are shared.

    Raises:
        BadSetting: An array is of no such name or shape.
        BadWeights: Values are NaN or infinite.
    """
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    shared = {id(tensor): tensor for tensor in own.values()}
    changed = {key for name in arrays for key in _known(where, name).keys}
    for key in changed:
        if shared[id(own[key])] is own[key]:
            shared[id(own[key])] = _twin(own[key])
    fill({key: shared[id(tensor)].detach() for key, tensor in own.items()}, where, arrays)
    copied = copy.deepcopy(module, dict(shared))
    assert isinstance(copied, fx.GraphModule)  # a copy is of its original's class
    return copied.eval()


def fill(state: Mapping[str, torch.Tensor], where: Mapping[str, Place], arrays: Mapping[str, Floats]) -> None:
    """Write canonical values into tensors, given by dotted name.

    Of an array that is the sum of tensors (an LSTM's bias) the first one gets the values, the others zeros.

    Raises:
        BadSetting, BadWeights: As :func:`refilled`; nothing is written then.
    """
    parts = {name: _part(name, _known(where, name), state, values) for name, values in arrays.items()}
    for name, part in parts.items():
        place = where[name]
        state[place.keys[0]][place.start : place.stop].copy_(part)
        for key in place.keys[1:]:
            state[key].zero_()


def _part(name: str, place: Place, state: Mapping[str, torch.Tensor], values: Floats) -> torch.Tensor:
    given = np.array(values, np.float32)
    wanted = tuple(place.view(state[place.keys[0]]).shape)
    if given.shape != wanted:
        raise BadSetting(f'The values for "{name}" have the shape {given.shape}; the array has {wanted}.')
    if not np.isfinite(given).all():
        raise BadWeights(f'The values for "{name}" are NaN or infinite.')
    return place.back(torch.from_numpy(given))


def _known(where: Mapping[str, Place], name: str) -> Place:
    if name not in where:
        raise BadSetting(f'The network has no array "{name}" to fill.')
    return where[name]


def _twin(tensor: torch.Tensor) -> torch.Tensor:
    copied = tensor.detach().clone()
    return nn.Parameter(copied, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else copied
