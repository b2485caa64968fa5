"""Squares of the gradients of single samples' losses, for many samples at once."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch.func import grad, vmap

from core.backends._base import Batch, Floats, Masks
from core.backends.pytorch.network import Network
from core.backends.pytorch.outputs import losses
from core.backends.pytorch.running import Given
from core.backends.pytorch.signals import Fed, canonical, named_failures
from core.backends.pytorch.stepping import Stepper
from core.backends.pytorch.tracing import FAILURES

#: Bytes that the gradients of samples computed together may take.
_BYTES = 128 << 20

Tensors = dict[str, torch.Tensor]
#: From tensors, one sample's inputs and its label (first axis: one) to the sample's loss.
One = Callable[[Tensors, Given, torch.Tensor], torch.Tensor]


def squared_gradients(network: Network, batches: Iterable[Batch], masks: Masks) -> Iterator[dict[str, Floats]]:
    """See :meth:`core.backends._base.LoadedModel.squared_gradients`."""
    with torch.no_grad():
        overlaid, kept = network.overlaid(masks)
    names = [weight.name for weight in network.graph().weights()]
    keys = list(dict.fromkeys(network.places[name].keys[0] for name in names))
    kernels = {key: overlaid.get(key, network.state[key]).detach() for key in keys}
    together = _BYTES // (4 * sum(tensor.numel() for tensor in kernels.values()))
    for batch in batches:
        fed = Fed(network, batch)
        with network.runners.borrowed() as runner, named_failures(network):

            def one(tensors: Tensors, inputs: Given, label: torch.Tensor, runner=runner) -> torch.Tensor:  # type: ignore[no-untyped-def]
                outputs = runner.walk(inputs, {**overlaid, **tensors}, kept, Stepper)
                return losses(outputs.double(), label, network.output)[0]

            try:
                sums = _together(one, kernels, fed, together) if together > 1 else _one_by_one(one, kernels, fed)
            except FAILURES:
                together = 1  # an operation that cannot be computed for many samples with gradients of their own
                sums = _one_by_one(one, kernels, fed)
        count = len(fed.labels)
        yield canonical(network, {key: total / count for key, total in sums.items()})


def _together(one: One, kernels: Tensors, fed: Fed, size: int) -> Tensors:
    """Sums over the samples of weight x squared gradient, ``size`` samples at once."""
    sums = {key: torch.zeros_like(tensor) for key, tensor in kernels.items()}

    def single(tensors: Tensors, inputs: Given, label: torch.Tensor) -> torch.Tensor:
        return one(tensors, tuple(each.unsqueeze(0) for each in inputs), label.unsqueeze(0))

    slopes = vmap(grad(single), in_dims=(None, 0, 0))
    for start in range(0, len(fed.labels), size):
        rows = slice(start, start + size)
        found = slopes(kernels, tuple(each[rows] for each in fed.inputs), fed.labels[rows])
        for key, slope in found.items():
            sums[key] += torch.einsum("n,n...->...", fed.weights[rows], slope.square_())
    return sums


def _one_by_one(one: One, kernels: Tensors, fed: Fed) -> Tensors:
    sums = {key: torch.zeros_like(tensor) for key, tensor in kernels.items()}
    leaves = {key: tensor.detach().requires_grad_() for key, tensor in kernels.items()}
    for row in range(len(fed.labels)):
        rows = slice(row, row + 1)
        value = one(leaves, tuple(each[rows] for each in fed.inputs), fed.labels[rows])
        found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        for key, slope in zip(leaves, found, strict=True):
            if slope is not None:
                sums[key].addcmul_(slope, slope, value=float(fed.weights[row]))
    return sums
