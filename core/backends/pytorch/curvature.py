"""Products of the loss' Hessian with vectors, by back-propagating twice (Pearlmutter 1994)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch

from core.backends._base import Batch, Floats, Masks
from core.backends.pytorch.network import Network
from core.backends.pytorch.signals import Fed, array, checked_temperature, named_failures
from core.backends.pytorch.stepping import Stepper
from core.errors import BadSetting
from core.graph import KERNEL_ROLES

Vector = Mapping[str, Floats]


def hessian_products(
    network: Network, batches: Iterable[Batch], vectors: Sequence[Vector], masks: Masks, temperature: float
) -> Iterator[list[dict[str, Floats]]]:
    """See :meth:`core.backends._base.LoadedModel.hessian_products`. Masked entries count as zero, and are varied too.

    Raises:
        BadSetting: The vectors name other Weights than each other or than the network's, or have other shapes.
    """
    names = _names(network, vectors)
    checked_temperature(temperature)
    with torch.no_grad():
        overlaid, kept = network.overlaid(masks)
        directions = [_tensors(network, vector) for vector in vectors]
    keys = list(dict.fromkeys(network.places[name].keys[0] for name in names))
    leaves = {key: overlaid.get(key, network.state[key]).detach().requires_grad_() for key in keys}
    for batch in batches:
        fed = Fed(network, batch)
        with network.runners.borrowed() as runner, named_failures(network):
            walk = partial(Stepper, end=fed.end)
            value = fed.loss(runner.walk(fed.inputs, {**overlaid, **leaves}, kept, walk), temperature)
            found = [_product(slopes, leaves, direction) for slopes in [_slopes(value, leaves)]
                     for direction in directions]  # fmt: skip
        yield [{name: array(network.places[name].view(product[network.places[name].keys[0]])) for name in names}
               for product in found]  # fmt: skip


def _slopes(value: torch.Tensor, leaves: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    found = torch.autograd.grad(value, list(leaves.values()), create_graph=True, allow_unused=True)
    return {key: slope for key, slope in zip(leaves, found, strict=True) if slope is not None}


def _product(
    slopes: Mapping[str, torch.Tensor], leaves: Mapping[str, torch.Tensor], direction: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The gradient of gᵀ v. Where it does not depend on a tensor (a network linear in it): zeros."""
    terms = [(slope * direction[key]).sum() for key, slope in slopes.items() if slope.requires_grad]
    if not terms:
        return {key: torch.zeros_like(leaf) for key, leaf in leaves.items()}
    found = torch.autograd.grad(torch.stack(terms).sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
    return {key: torch.zeros_like(leaf) if product is None else product
            for (key, leaf), product in zip(leaves.items(), found, strict=True)}  # fmt: skip


def _names(network: Network, vectors: Sequence[Vector]) -> list[str]:
    """The Weights that the vectors name, in canonical order."""
    if not vectors:
        raise BadSetting("There is no vector to multiply the Hessian with.")
    named = set(vectors[0])
    if any(set(vector) != named for vector in vectors):
        raise BadSetting("The vectors name different Weights; all must name the same ones.")
    shapes = {name: array.shape for name, array in network.arrays().items()
              if name.rpartition(".")[2] in KERNEL_ROLES}  # fmt: skip
    for vector in vectors:
        for name, values in vector.items():
            if name not in shapes:
                raise BadSetting(f'The network has no Weight "{name}" to take second derivatives of.')
            if np.shape(values) != shapes[name]:
                raise BadSetting(f'The vector of "{name}" has the shape {np.shape(values)}; it has {shapes[name]}.')
    return [name for name in shapes if name in named]


def _tensors(network: Network, vector: Vector) -> dict[str, torch.Tensor]:
    """The vector by dotted name, zero where it says nothing of a fused tensor's part."""
    found: dict[str, torch.Tensor] = {}
    for name, values in vector.items():
        place = network.places[name]
        key = place.keys[0]
        part = place.back(torch.from_numpy(np.array(values, np.float32))).to(network.state[key])
        if key not in found:
            found[key] = torch.zeros_like(network.state[key])
        found[key][place.start : place.stop] = part
    return found
