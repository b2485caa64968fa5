"""Gradients of the loss, batch by batch, in canonical order."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import torch

from core.backends._base import Batch, Floats, Masks
from core.backends.pytorch.ending import left_away
from core.backends.pytorch.network import Network
from core.backends.pytorch.outputs import losses
from core.backends.pytorch.running import Runner, Tensors
from core.backends.pytorch.stepping import Stepper
from core.backends.pytorch.tracing import FAILURES
from core.errors import BadModel, BadSetting, EmptyData, PruneError, first_line


def gradients(
    network: Network, batches: Iterable[Batch], masks: Masks, temperature: float
) -> Iterator[dict[str, Floats]]:
    """See :meth:`core.backends._base.LoadedModel.gradients`. Where the loss does not depend on an array: zeros."""
    checked_temperature(temperature)
    trained = {name: place for name, place in network.places.items() if place.trained}
    keys = list(dict.fromkeys(key for place in trained.values() for key in place.keys))
    with torch.no_grad():
        overlaid, kept = network.overlaid(masks)
    leaves = {key: overlaid.get(key, network.state[key]).detach().requires_grad_() for key in keys}
    for batch in batches:
        fed = Fed(network, batch)
        with network.runners.borrowed() as runner, named_failures(network):
            value = fed.loss(fed.outputs(runner, leaves, kept), temperature)
            found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        by_key = dict(zip(keys, found, strict=True))
        yield {name: array(place.view(_whole(by_key[place.keys[0]], leaves[place.keys[0]])))
               for name, place in trained.items()}  # fmt: skip


class Fed:
    """A batch of samples as tensors, found to fit, and the loss they give.

    Args:
        network: What takes them.
        batch: Samples.
        labelled: Whether the labels are looked at.
        to_the_end: Whether the loss is taken of what the network gives, where it ends with a softmax or sigmoid.
    """

    def __init__(self, network: Network, batch: Batch, *, labelled: bool = True, to_the_end: bool = False) -> None:
        x, y, weight = Batch(*batch)  # pairs are taken too
        network.check(x)
        if len(x) == 0:
            raise EmptyData("A calibration batch has no samples.")
        self.inputs = network.given(x)
        self.size = len(x)
        #: Not looked at where no loss is asked for.
        self.labels = network.labels(y, len(x)) if labelled else torch.zeros(len(x))
        self.weight = None if weight is None else _weights(weight, len(x)).to(network.device)
        #: The operation at the end that is left away, and what the network's output then is.
        self.end, self.output = ("", network.output) if to_the_end else left_away(network)

    def outputs(self, runner: Runner, tensors: Tensors, kept: Tensors) -> torch.Tensor:
        """What the loss is taken of."""
        if not self.end:
            return runner(self.inputs, tensors, kept)
        return runner.walk(self.inputs, tensors, kept, partial(Stepper, end=self.end))

    @property
    def weights(self) -> torch.Tensor:
        """One number a sample."""
        ones = torch.ones(len(self.labels), device=self.labels.device)
        return ones if self.weight is None else self.weight

    def losses(self, outputs: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
        """Each sample's loss times its weight, in double precision."""
        found = losses(precise(outputs), self.labels, self.output, temperature)
        return found if self.weight is None else found * self.weight.to(found.dtype)

    def loss(self, outputs: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
        """The loss of the batch."""
        return self.losses(outputs, temperature).mean()


class named_failures:  # noqa: N801 - used as a statement
    """What PyTorch raises inside becomes one sentence."""

    def __init__(self, network: Network) -> None:
        self._only = network.facts.only_batch

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, err: BaseException | None, trace: object) -> None:
        if isinstance(err, FAILURES) and not isinstance(err, PruneError):
            only = f" It takes batches of exactly {self._only}." if self._only else ""
            raise BadModel(f"The network cannot be measured on this batch: {first_line(err)}{only}") from err


def checked_temperature(temperature: float) -> float:
    """The temperature, if logits can be divided by it.

    Raises:
        BadSetting: It is not above zero.
    """
    if not temperature > 0 or not np.isfinite(temperature):
        raise BadSetting(f"The temperature must be above 0; got {temperature}.")
    return temperature


def canonical(network: Network, tensors: Mapping[str, torch.Tensor]) -> dict[str, Floats]:
    """By Weight name what the tensors, given by dotted name, hold for it; only Weights whose tensor is given."""
    weights = {weight.name: network.places[weight.name] for weight in network.graph().weights()}
    return {name: array(place.view(tensors[place.keys[0]]))
            for name, place in weights.items() if place.keys[0] in tensors}  # fmt: skip


def array(tensor: torch.Tensor) -> Floats:
    """As numpy, single precision."""
    found: Floats = tensor.detach().float().cpu().numpy()
    return found


def _weights(weight: Floats, samples: int) -> torch.Tensor:
    given = np.array(weight, np.float32)
    if given.shape != (samples,) or not np.isfinite(given).all():
        raise BadSetting(f"Weights of samples must be {samples} finite numbers; got the shape {given.shape}.")
    return torch.from_numpy(given)


def precise(outputs: torch.Tensor) -> torch.Tensor:
    """In double precision: p - 1 of a sure prediction has few digits left in single. MPS has no such numbers."""
    return outputs if outputs.device.type == "mps" else outputs.double()


def _whole(gradient: torch.Tensor | None, leaf: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(leaf, requires_grad=False) if gradient is None else gradient
