"""What flows through named places of a network, and the loss' gradient there."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import fx

from core.backends._base import Batch, Floats, Masks, Tap
from core.backends.pytorch.ending import left_away
from core.backends.pytorch.network import Network
from core.backends.pytorch.samples import Sample
from core.backends.pytorch.signals import Fed, array, named_failures
from core.backends.pytorch.stepping import Stepper, parts_of
from core.backends.pytorch.written_attention import projected
from core.errors import BadSetting
from core.graph import Node

#: A framework's node and what of it: ``("gru", "_l0:hidden")``; "" is its value.
Place = tuple[str, str]
#: What came by at each place; of hidden states one value a step.
Found = dict[Place, list[torch.Tensor]]
#: Parts whose axes are those of the node's result; the others come with the samples first.
_UNTURNED = ("", "_key", "_products", "_weights")


def taps(
    network: Network, batches: Iterable[Batch], names: Sequence[str], masks: Masks, gradients: bool
) -> Iterator[dict[str, Tap]]:
    """See :meth:`core.backends._base.LoadedModel.taps`. A recurrent layer's ``:hidden`` is in the order of its steps,
    and its gradient the whole: what a state does through later steps counts too.

    Raises:
        BadSetting: A name is of no place that can be looked at.
    """
    places = {name: _place(network, name) for name in names}
    turns = {name: _Turn(network, name, place) for name, place in places.items()}
    end, order = left_away(network)[0], [node.name for node in network.module.graph.nodes]
    late = bool(end) and any(order.index(own) >= order.index(end) for own, _ in places.values())
    with torch.no_grad():
        overlaid, kept = network.overlaid(masks)
    for batch in batches:
        fed = Fed(network, batch, labelled=gradients, to_the_end=not gradients or late)
        found: Found = {place: [] for place in places.values()}
        walk = partial(_Tapper, found=found, leaves=gradients, end=fed.end)
        mode = torch.enable_grad() if gradients else torch.inference_mode()
        with network.runners.borrowed() as runner, named_failures(network), mode:
            outputs = runner.walk(fed.inputs, overlaid, kept, walk)
            slopes = _slopes(fed.losses(outputs).sum(), found) if gradients else {}
        yield {
            name: Tap(turns[name](found[place], fed.size), turns[name](slopes[place], fed.size) if gradients else None)
            for name, place in places.items()
        }


class _Tapper(Stepper):
    """Keeps the values of places; with ``leaves`` they are made to have gradients."""

    def __init__(self, module: fx.GraphModule, found: Found, leaves: bool, end: str = "") -> None:
        super().__init__(module, end)
        self._found = found
        self._leaves = leaves

    def note(self, node: fx.Node, part: str, value: torch.Tensor) -> torch.Tensor:
        """Keep a value."""
        if (node.name, part) not in self._found:
            return value
        if self._leaves and value.is_floating_point() and not value.requires_grad:
            value = value.detach().requires_grad_()
        self._found[node.name, part].append(value)
        return value

    def run_node(self, n: fx.Node) -> Any:
        """One node's value, kept if it is wanted."""
        value = super().run_node(n)
        if (n.name, "") not in self._found:
            return value
        if isinstance(value, tuple | list):
            return type(value)([self.note(n, "", value[0]), *value[1:]])
        return self.note(n, "", value)


def _slopes(total: torch.Tensor, found: Found) -> Found:
    """Zeros where the losses do not depend on a value, and of tokens."""
    values = [value for several in found.values() for value in several if value.requires_grad]
    slopes = torch.autograd.grad(total, values, allow_unused=True) if values and total.requires_grad else ()
    known = {id(value): slope for value, slope in zip(values, slopes, strict=False) if slope is not None}
    return {
        place: [known.get(id(value), torch.zeros((), device=value.device).expand(value.shape)) for value in several]
        for place, several in found.items()
    }


class _Turn:
    """Puts the samples' axis first."""

    def __init__(self, network: Network, name: str, place: Place) -> None:
        self._shape = _node(network, name).shape
        sizes = network.facts.sizes
        written = any(attention.call == place[0] for attention in projected(network.module))
        sample = sizes.sample(place[0]) or sizes.sample(place[0], 0)
        if place[1] not in _UNTURNED and not written:
            sample = Sample((), 0, 0)
        if sample is None:
            raise BadSetting(f'What flows through "{name}" has no axis of samples; it cannot be looked at.')
        self._sample = sample
        self._steps = place[1].endswith(":hidden")

    def __call__(self, values: list[torch.Tensor], samples: int) -> Floats:
        return array(self._turned(torch.stack(values, 1) if self._steps else values[0], samples))

    def _turned(self, value: torch.Tensor, samples: int) -> torch.Tensor:
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
