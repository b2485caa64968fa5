"""Squares of the gradients of single samples' losses."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import torch
from torch.func import grad, vmap

from core.backends._base import Batch, Floats, Masks
from core.backends.pytorch.network import Network
from core.backends.pytorch.outputs import losses
from core.backends.pytorch.products import NotFactored, Products, Use, factored, squares
from core.backends.pytorch.running import Given, Runner
from core.backends.pytorch.signals import Fed, canonical, named_failures, precise
from core.backends.pytorch.stepping import Stepper
from core.backends.pytorch.tracing import FAILURES

#: Bytes that the gradients of samples computed together may take.
_BYTES = 128 << 20

Tensors = dict[str, torch.Tensor]


def squared_gradients(network: Network, batches: Iterable[Batch], masks: Masks) -> Iterator[dict[str, Floats]]:
    """See :meth:`core.backends._base.LoadedModel.squared_gradients`.

    Layer by layer from products where every kernel's use is known, else for many samples at once, else one by one.
    """
    with torch.no_grad():
        overlaid, kept = network.overlaid(masks)
    keys = list(dict.fromkeys(network.places[weight.name].keys[0] for weight in network.graph().weights()))
    kernels = {key: overlaid.get(key, network.state[key]).detach() for key in keys}
    single = _Single(network, kernels, {**overlaid, **kernels}, kept)
    for batch in batches:
        fed = Fed(network, batch)
        with network.runners.borrowed() as runner, named_failures(network):
            sums = single.sums(runner, fed)
        yield canonical(network, {key: total / len(fed.labels) for key, total in sums.items()})


class _Single:
    """Sums over a batch's samples of weight x squared gradient, the quickest way that the network allows."""

    def __init__(self, network: Network, kernels: Tensors, tensors: Tensors, kept: Mapping[str, torch.Tensor]) -> None:
        self._network = network
        self._kernels = kernels
        self._tensors = tensors
        self._kept = kept
        together = _BYTES // (4 * sum(kernel.numel() for kernel in kernels.values()))
        several = [lambda runner, fed: self._together(runner, fed, together)] if together > 1 else []
        known = [self._by_products] if factored(network.module, set(kernels)) else []
        self._ways = [*known, *several, self._one_by_one]

    def sums(self, runner: Runner, fed: Fed) -> Tensors:
        """By dotted name. A way that the network does not allow is not tried again."""
        while len(self._ways) > 1:
            try:
                return self._ways[0](runner, fed)
            except (NotFactored, *FAILURES):
                self._ways.pop(0)
        return self._ways[0](runner, fed)

    def _by_products(self, runner: Runner, fed: Fed) -> Tensors:
        uses: dict[str, list[Use]] = {}
        sizes = self._network.facts.sizes
        outputs = runner.walk(
            fed.inputs, self._tensors, self._kept, lambda module: Products(module, sizes, uses, fed.end)
        )
        total = losses(precise(outputs), fed.labels, fed.output).sum()
        return squares(uses, total, fed.weights, self._kernels)

    def _loss(self, runner: Runner, fed: Fed, kernels: Tensors, inputs: Given, label: torch.Tensor) -> torch.Tensor:
        walk = partial(Stepper, end=fed.end)
        outputs = runner.walk(inputs, {**self._tensors, **kernels}, self._kept, walk)
        return losses(precise(outputs), label, fed.output)[0]

    def _together(self, runner: Runner, fed: Fed, size: int) -> Tensors:
        def one(kernels: Tensors, inputs: Given, label: torch.Tensor) -> torch.Tensor:
            return self._loss(runner, fed, kernels, tuple(each.unsqueeze(0) for each in inputs), label.unsqueeze(0))

        slopes = vmap(grad(one), in_dims=(None, 0, 0))
        sums = {key: torch.zeros_like(kernel) for key, kernel in self._kernels.items()}
        for start in range(0, len(fed.labels), size):
            rows = slice(start, start + size)
            found = slopes(self._kernels, tuple(each[rows] for each in fed.inputs), fed.labels[rows])
            for key, slope in found.items():
                sums[key] += torch.einsum("n,n...->...", fed.weights[rows], slope.square_())
        return sums

    def _one_by_one(self, runner: Runner, fed: Fed) -> Tensors:
        leaves = {key: kernel.detach().requires_grad_() for key, kernel in self._kernels.items()}
        sums = {key: torch.zeros_like(kernel) for key, kernel in self._kernels.items()}
        for row in range(len(fed.labels)):
            rows = slice(row, row + 1)
            value = self._loss(runner, fed, leaves, tuple(each[rows] for each in fed.inputs), fed.labels[rows])
            found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
            for key, slope in zip(leaves, found, strict=True):
                if slope is not None:
                    sums[key].addcmul_(slope, slope, value=float(fed.weights[row]))
        return sums
