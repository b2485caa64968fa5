"""Batch normalisation measured anew: means and variances of the network as it is now."""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional

from core.backends._base import Floats, Masks
from core.backends.pytorch.network import Network
from core.backends.pytorch.refilling import fill
from core.backends.pytorch.signals import array, named_failures
from core.backends.pytorch.stepping import Stepper
from core.backends.pytorch.surgery import masked
from core.errors import EmptyData, NotFinite
from core.inputs import Inputs

_Norm = nn.modules.batchnorm._BatchNorm
#: By layer: samples seen, sum of the batch means, sum of the batch variances, batches weighted by samples.
Sums = dict[str, tuple[int, torch.Tensor, torch.Tensor]]


def recalibrated(network: Network, x: Inputs, masks: Masks, batch_size: int) -> Network:
    """See :meth:`core.backends._base.LoadedModel.recalibrated`.

    Raises:
        EmptyData: There are no samples.
        NotFinite: They make means or variances that are no numbers.
    """
    network.check(x)
    if len(x) == 0:
        raise EmptyData("There are no samples to measure batch normalisation on.")
    sums: Sums = {}
    with network.runners.borrowed() as runner, torch.inference_mode(), named_failures(network):
        overlaid, kept = network.overlaid(masks)
        size = network.facts.only_batch or batch_size
        rest = len(x) % size if network.facts.only_batch else 0  # what the network cannot take
        for start in range(0, len(x) - rest, size):
            batch = network.given(x[start : start + size])
            runner.walk(batch, overlaid, kept, partial(_Measuring, sums=sums, samples=len(batch[0])))
    module = masked(network, masks)
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    fill({key: tensor.detach() for key, tensor in state.items()}, network.places, _statistics(sums, masks))
    return Network(module, network.facts)


class _Measuring(Stepper):
    """Batch normalisations normalise by the batch, and what they found is added up."""

    def __init__(self, module: fx.GraphModule, sums: Sums, samples: int) -> None:
        super().__init__(module)
        self._sums = sums
        self._samples = samples

    def run_node(self, n: fx.Node) -> Any:
        """One node's value."""
        layer = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
        if not isinstance(layer, _Norm):
            return super().run_node(n)
        (x,), _ = self.fetch_args_kwargs_from_env(n)
        variance, mean = torch.var_mean(x, [axis for axis in range(x.dim()) if axis != 1], correction=0)
        self._add(str(n.target), mean, variance)
        return functional.batch_norm(x, mean, variance, layer.weight, layer.bias, False, 0.0, layer.eps)

    def _add(self, layer: str, mean: torch.Tensor, variance: torch.Tensor) -> None:
        size = self._samples
        parts = (mean.double() * size, variance.double() * size)
        known = self._sums.get(layer)
        if known is not None:
            size, parts = size + known[0], (parts[0] + known[1], parts[1] + known[2])
        self._sums[layer] = (size, *parts)


def _statistics(sums: Sums, masks: Masks) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for layer, (samples, means, variances) in sums.items():
        for role, total in (("mean", means), ("variance", variances)):
            name = f"{layer}.{role}"
            values = array(total / samples)
            if not np.isfinite(values).all():
                raise NotFinite(f'Normalising anew gives "{name}" values that are NaN or infinite. Look at the data.')
            found[name] = np.where(masks[name].kept, values, np.float32(0)) if name in masks else values
    return found
