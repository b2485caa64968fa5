"""What flows through named places of a network, and the loss' gradient there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import fx

from core.backends._base import Batch, Masks, Tap
from core.backends.pytorch.network import Network
from core.backends.pytorch.samples import Sample
from core.backends.pytorch.signals import Fed, array, named_failures
from core.backends.pytorch.stepping import Stepper, parts_of
from core.errors import BadSetting
from core.graph import Node

#: A framework's node and what of it: ``("gru", "_l0:hidden")``; "" is its value.
Place = tuple[str, str]
#: Parts whose axes are those of the node's result; the others come with the samples first.
_UNTURNED = ("", "_key", "_products", "_weights")


def taps(
    network: Network, batches: Iterable[Batch], names: Sequence[str], masks: Masks, gradients: bool
) -> Iterator[dict[str, Tap]]:
    """See :meth:`core.backends._base.LoadedModel.taps`. A recurrent layer's ``:hidden`` is in the order of its steps.

    Raises:
        BadSetting: A name is of no place that can be looked at.
    """
    places = {name: _place(network, name) for name in names}
    turns = {name: _Turn(network, name, place) for name, place in places.items()}
    with torch.no_grad():
        overlaid, kept = network.overlaid(masks)
    for batch in batches:
        fed = Fed(network, batch)
        found: dict[Place, torch.Tensor] = {}
        mode = torch.enable_grad() if gradients else torch.inference_mode()
        with network.runners.borrowed() as runner, named_failures(network), mode:
            walk = partial(_Tapper, places=places, found=found, leaves=gradients)
            outputs = runner.walk(fed.inputs, overlaid, kept, walk)
            slopes = _slopes(fed.losses(outputs).sum(), found) if gradients else {}
        size = len(fed.labels)
        yield {name: Tap(array(turns[name](found[place], size)),
                         array(turns[name](slopes[place], size)) if place in slopes else None)
               for name, place in places.items()}  # fmt: skip


class _Tapper(Stepper):
    """Keeps the values of places; with ``leaves`` they are made to have gradients."""

    def __init__(
        self, module: fx.GraphModule, places: Mapping[str, Place], found: dict[Place, torch.Tensor], leaves: bool
    ) -> None:
        super().__init__(module)
        self._wanted = set(places.values())
        self._found = found
        self._leaves = leaves

    def note(self, node: fx.Node, part: str, value: torch.Tensor) -> torch.Tensor:
        """Keep a value."""
        if (node.name, part) not in self._wanted:
            return value
        if self._leaves and value.is_floating_point() and not value.requires_grad:
            value = value.detach().requires_grad_()
        self._found[node.name, part] = value
        return value

    def run_node(self, n: fx.Node) -> Any:
        """One node's value, kept if it is wanted."""
        value = super().run_node(n)
        if (n.name, "") not in self._wanted:
            return value
        if isinstance(value, tuple | list):
            return type(value)([self.note(n, "", value[0]), *value[1:]])
        return self.note(n, "", value)


def _slopes(total: torch.Tensor, found: Mapping[Place, torch.Tensor]) -> dict[Place, torch.Tensor]:
    places = [place for place, value in found.items() if value.requires_grad]
    values = [found[place] for place in places]
    slopes = (
        torch.autograd.grad(total, values, allow_unused=True)
        if values and total.requires_grad
        else [None] * len(values)
    )
    return {place: torch.zeros_like(value) if slope is None else slope
            for place, value, slope in zip(places, values, slopes, strict=True)}  # fmt: skip


class _Turn:
    """Puts the samples' axis first."""

    def __init__(self, network: Network, name: str, place: Place) -> None:
        self._shape = _node(network, name).shape
        sizes = network.facts.sizes
        sample = sizes.sample(place[0]) or sizes.sample(place[0], 0)
        if place[1] not in _UNTURNED:
            sample = Sample((), 0, 0)
        if sample is None:
            raise BadSetting(f'What flows through "{name}" has no axis of samples; it cannot be looked at.')
        self._sample = sample

    def __call__(self, value: torch.Tensor, samples: int) -> torch.Tensor:
        axis = self._sample.batch
        if axis is None:
            return value.reshape(self._shape).expand(samples, *self._shape)
        if self._sample.folded:
            apart = (*value.shape[:axis], samples, -1, *value.shape[axis + 1 :])
            return value.reshape(apart).movedim(axis, 0)
        return value.movedim(axis, 0)


def _node(network: Network, name: str) -> Node:
    base = name.partition(":")[0]
    node = next((node for node in network.graph().nodes if node.name == base), None)
    if node is None:
        raise BadSetting(f'The network has no operation "{base}" to look at.')
    return node


def _place(network: Network, name: str) -> Place:
    """Where in the framework's graph a neutral node's value comes by.

    Raises:
        BadSetting: Nowhere.
    """
    base, colon, inside = name.partition(":")
    node = _node(network, name)
    wanted = f"{base}{colon}{inside}"
    if not colon and any(own.name == base for own in network.module.graph.nodes):
        return base, ""
    owners = [own.name for own in network.module.graph.nodes if wanted.startswith(own.name)]
    for owner in sorted(owners, key=len, reverse=True):
        part = wanted.removeprefix(owner)
        if _is_part(network, owner, part):
            return owner, part
    raise BadSetting(f'"{name}" cannot be looked at: {node.op.value} "{base}" shows nothing of that name.')


def _is_part(network: Network, owner: str, part: str) -> bool:
    node = next(own for own in network.module.graph.nodes if own.name == owner)
    return part in parts_of(network.module, node)
