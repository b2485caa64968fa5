"""Networks changed for good: zeros baked in, channels removed."""

import copy
from dataclasses import replace
from math import prod

import torch
from torch import fx, nn

from core.backends._base import Cuts, Masks
from core.backends.pytorch.arrays import Place
from core.backends.pytorch.masking import kept_tensors
from core.backends.pytorch.network import Network
from core.backends.pytorch.norms import bake, baked
from core.backends.pytorch.operators import short_name
from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.tracing import FAILURES, Trace, shapes
from core.errors import BadModel


def own_copy(module: fx.GraphModule) -> fx.GraphModule:
    """A copy that shares nothing."""
    copied = copy.deepcopy(module)
    assert isinstance(copied, fx.GraphModule)  # a copy is of its original's class
    return copied


def masked(network: Network, masks: Masks) -> fx.GraphModule:
    """A copy with the zeros baked in; its normalisations leave masked channels out."""
    module = own_copy(network.module)
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    kept = kept_tensors(masks, network.places, state)
    with torch.no_grad():
        for key, mask in kept.items():
            state[key].masked_fill_(~mask, 0.0)
    scales = {key: mask for key, mask in kept.items() if f"{key.rpartition('.')[0]}.scale" in masks}
    if scales:
        bake(module, {**baked(module), **scales})
    return module


def cut(network: Network, cuts: Cuts) -> Network:
    """See :meth:`core.backends._base.LoadedModel.cut`."""
    module = own_copy(network.module)
    before = network.facts.sizes
    for (name, axis), kept in cuts.items():
        place = network.places.get(name)
        if place is None:
            raise BadModel(f'The network has no array "{name}" to cut.')
        _take(module, name, place, axis, torch.from_numpy(kept.astype("int64")))
    for path, layer in module.named_modules():
        _renew(path, layer)
    try:
        sizes = _mended(module, network, before)
    except FAILURES as err:
        raise BadModel(f"The smaller network does not fit together: {str(err).strip().splitlines()[0][:200]}") from err
    return Network(module, replace(network.facts, sizes=sizes))


def _take(module: fx.GraphModule, name: str, place: Place, axis: int, kept: torch.Tensor) -> None:
    if place.stop is not None or len(place.keys) > 1 or place.transposed > 1:
        raise BadModel(f'"{name}" is part of a fused tensor; it can be masked, not cut.')
    key = place.keys[0]
    folder, _, leaf = key.rpartition(".")
    owner = module.get_submodule(folder)
    tensor = getattr(owner, leaf)
    own_axis = (1 - axis) if place.transposed and axis < 2 else axis
    if own_axis >= tensor.dim() or kept.numel() == 0 or int(kept.max()) >= tensor.shape[own_axis]:
        raise BadModel(f'"{name}" of the shape {tuple(tensor.shape)} cannot be cut along its axis {axis} as asked.')
    smaller = tensor.detach().index_select(own_axis, kept.to(tensor.device)).contiguous()
    setattr(owner, leaf, nn.Parameter(smaller, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else smaller)


def _renew(path: str, layer: nn.Module) -> None:
    """Bring a layer's attributes in line with its tensors."""
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = layer.weight.shape
    elif isinstance(layer, nn.modules.conv._ConvNd):
        _renew_conv(path, layer)
    elif isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None:
        layer.num_features = len(layer.running_mean)
    elif isinstance(layer, nn.LayerNorm):
        layer.normalized_shape = tuple(layer.weight.shape)
    elif isinstance(layer, nn.GroupNorm):
        layer.num_channels = len(layer.weight)
    elif isinstance(layer, nn.Embedding):
        layer.num_embeddings, layer.embedding_dim = layer.weight.shape
    elif isinstance(layer, nn.PReLU):
        layer.num_parameters = len(layer.weight)


def _renew_conv(path: str, layer: nn.modules.conv._ConvNd) -> None:
    first, second = layer.weight.shape[:2]
    if layer.transposed:
        layer.in_channels, layer.out_channels = first, second * layer.groups
        return
    if layer.groups > 1 and layer.groups == layer.in_channels:
        multiplier = layer.out_channels // layer.in_channels
        if first % multiplier:
            raise BadModel(f'The depthwise layer "{path}" must lose whole channels.')
        layer.groups = first // multiplier
    layer.in_channels, layer.out_channels = second * layer.groups, first


def _mended(module: fx.GraphModule, network: Network, before: Sizes) -> Sizes:
    """Run the smaller network, mending sizes written into reshapes on the way; its shapes at both batch sizes."""
    for _ in range(1 + sum(node.op == "call_function" for node in module.graph.nodes)):
        mender = _Mender(module, before)
        with torch.no_grad():
            mender.run(*network.example(before.batches[0]))
        if not mender.mended:
            break
        module.recompile()
    found = []
    for batch in before.batches:
        Trace(module, network.example(batch))
        found.append(shapes(module.graph.nodes))
    return Sizes(found[0], found[1], before.batches)


class _Mender(fx.Interpreter):
    """Runs node by node; a literal that no longer fits its input is put right before it runs."""

    def __init__(self, module: fx.GraphModule, before: Sizes) -> None:
        super().__init__(module)
        self.before = before.first
        self.mended = False

    def run_node(self, n: fx.Node) -> object:
        """One node's value, its literal mended if need be."""
        if n.op == "call_function" and short_name(n.target) in ("view", "reshape", "_unsafe_view", "unflatten"):
            source = self.env[n.args[0]] if isinstance(n.args[0], fx.Node) else None
            old = self.before.get(n.args[0].name) if isinstance(n.args[0], fx.Node) else None
            if isinstance(source, torch.Tensor) and old is not None and tuple(source.shape) != old:
                self._mend(n, source, old)
        return super().run_node(n)

    def _mend(self, node: fx.Node, source: torch.Tensor, old: tuple[int, ...]) -> None:
        position = 2 if short_name(node.target) == "unflatten" else 1
        literal = list(node.args[position])  # type: ignore[arg-type]
        result = self.before[node.name]
        gone, left = prod(old), source.numel()
        for index, entry in enumerate(literal):
            wide = isinstance(entry, int) and entry > 1 and entry == result[index]
            if wide and (entry * left) % gone == 0:
                literal[index] = entry * left // gone
                node.args = (*node.args[:position], literal, *node.args[position + 1 :])
                self.mended = True
                return
