"""Synaptic flow: the network of absolute values on ones."""

from typing import Any

import torch
from torch import fx, nn

from core.backends._base import Floats, Masks
from core.backends.pytorch.network import Network
from core.backends.pytorch.operators import short_name
from core.backends.pytorch.outputs import distribution
from core.backends.pytorch.running import Given, Runner
from core.backends.pytorch.signals import named_failures
from core.backends.pytorch.stepping import Stepper
from core.errors import BadWeights


def synaptic_flow(network: Network, masks: Masks) -> dict[str, Floats]:
    """See :meth:`core.backends._base.LoadedModel.synaptic_flow`. Of several outputs the first is summed.

    Given in double precision: the flows of deep networks leave single.

    Raises:
        BadWeights: The flows are not finite even in double precision.
    """
    with torch.no_grad():
        overlaid, kept = network.overlaid(masks)
        state = {key: _double(overlaid.get(key, tensor)) for key, tensor in network.state.items()}
        for key in {key for place in network.places.values() for key in place.keys}:
            state[key] = state[key].abs()
    keys = {network.places[weight.name].keys[0] for weight in network.graph().weights()}
    leaves = {key: state[key].requires_grad_() for key in state if key in keys}
    runner = Runner(network.module, torch.device("cpu"))
    with named_failures(network):
        total = runner.walk(_ones(network), state, {key: mask.cpu() for key, mask in kept.items()}, _Flow).sum()
        found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    flows = {key: torch.zeros_like(leaf) if slope is None else (slope * leaf.detach()).abs()
             for (key, leaf), slope in zip(leaves.items(), found, strict=True)}  # fmt: skip
    if not all(bool(torch.isfinite(flow).all()) for flow in flows.values()):
        raise BadWeights("The flow through the network is infinite; its weights are too large for this criterion.")
    places = {weight.name: network.places[weight.name] for weight in network.graph().weights()}
    return {name: place.view(flows[place.keys[0]]).numpy() for name, place in places.items()}


def _double(tensor: torch.Tensor) -> torch.Tensor:
    own = tensor.detach().cpu()
    return own.double() if own.is_floating_point() else own


def _ones(network: Network) -> Given:
    """One sample of ones for each input."""
    found = (torch.ones_like(example) for example in network.example(network.facts.only_batch or 1))
    return tuple(ones.double() if ones.is_floating_point() else ones for ones in found)


class _Flow(Stepper):
    """In double precision throughout; embeddings give ones, and a softmax or sigmoid at the end what it takes."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self._last = distribution(module.graph)

    def run_node(self, n: fx.Node) -> Any:
        """One node's value."""
        if n is self._last:
            return self.env[n.all_input_nodes[0]]
        if n.op == "call_module":
            layer = self.fetch_attr(str(n.target))
            if isinstance(layer, nn.Embedding):
                (tokens,), _ = self.fetch_args_kwargs_from_env(n)
                return layer.weight.new_ones(*tokens.shape, layer.embedding_dim)
        found = super().run_node(n)
        return torch.ones_like(found) if short_name(n.target) == "embedding" else found

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """An operation; where it was told to give single precision it gives double."""
        args, kwargs = fx.node.map_aggregate((args, kwargs), _wider)
        return super().call_function(target, args, kwargs)


def _wider(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value
