"""Gradients of the loss, batch by batch, in canonical order."""

from collections.abc import Iterator

import numpy as np
import torch

from core.backends._base import Floats, Labels, Masks
from core.backends.pytorch.network import Network
from core.backends.pytorch.outputs import loss


def gradients(network: Network, batches: Iterator[tuple[Floats, Labels]], masks: Masks) -> Iterator[dict[str, Floats]]:
    """See :meth:`core.backends._base.LoadedModel.gradients`. Where the loss does not depend on an array: zeros."""
    trained = {name: place for name, place in network.places.items() if place.trained}
    keys = list(dict.fromkeys(key for place in trained.values() for key in place.keys))
    with torch.no_grad():
        overlaid, kept = network.overlaid(masks)
    leaves = {key: overlaid.get(key, network.state[key]).detach().requires_grad_() for key in keys}
    for x, y in batches:
        network.check(x)
        labels = torch.from_numpy(np.array(y)).to(network.device)
        with network.runners.borrowed() as runner:
            value = loss(_precise(runner(network.tensor(x), leaves, kept)), labels, network.output)
            found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        by_key = dict(zip(keys, found, strict=True))
        yield {name: _array(place.view(_whole(by_key[place.keys[0]], leaves[place.keys[0]])))
               for name, place in trained.items()}  # fmt: skip


def _precise(outputs: torch.Tensor) -> torch.Tensor:
    """In double precision: p - 1 of a sure prediction has few digits left in single. MPS has no such numbers."""
    return outputs if outputs.device.type == "mps" else outputs.double()


def _whole(gradient: torch.Tensor | None, leaf: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(leaf, requires_grad=False) if gradient is None else gradient


def _array(gradient: torch.Tensor) -> Floats:
    array: Floats = gradient.detach().cpu().numpy()
    return array
