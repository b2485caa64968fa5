"""Networks changed for good: zeros baked in, channels removed."""

import copy
from dataclasses import replace

import torch
from torch import fx, nn

from core.backends._base import Cuts, Masks
from core.backends.pytorch.arrays import Place, places, recurrent_ends, recurrent_layer
from core.backends.pytorch.fewer_heads import fewer_heads, fused
from core.backends.pytorch.heads import HeadAttention, divided
from core.backends.pytorch.masking import kept_tensors
from core.backends.pytorch.mending import Mender
from core.backends.pytorch.network import Network
from core.backends.pytorch.norms import Kept, bake, baked
from core.backends.pytorch.recurrent import take_apart
from core.backends.pytorch.running import clone
from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.tracing import FAILURES, Trace, shapes
from core.backends.pytorch.written_attention import remember
from core.errors import BadModel, first_line
from core.groups import shuffled


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
    module = clone(network.module)
    divided(module, {name.rpartition(".")[0] for name, _ in cuts})
    stacks = _uneven(module, cuts)
    for path in stacks:
        take_apart(module, path)
    before = traced_sizes(module, network) if stacks else network.facts.sizes
    where = places(module)
    smaller = fewer_heads(module, cuts, before.first)
    for (name, axis), kept in cuts.items():
        if name not in where:
            raise BadModel(f'The network has no array "{name}" to cut.')
        if where[name].stop is None:
            _take(module, name, where[name], axis, torch.from_numpy(kept.astype("int64")))
    for (key, axis), rows in fused(module, cuts).items():
        _take(module, key, Place((key,)), axis, rows)
    remember(module, smaller)
    for path, layer in module.named_modules():
        _renew(path, layer)
    _part(module, network.module)
    try:
        sizes = _mended(module, network, before)
    except FAILURES as err:
        raise BadModel(f"The smaller network does not fit together: {first_line(err)}") from err
    return Network(module, replace(network.facts, sizes=sizes))


def _uneven(module: nn.Module, cuts: Cuts) -> list[str]:
    """Stacks of recurrent layers that will not have one hidden size."""
    found = []
    for path, layer in module.named_modules():
        if isinstance(layer, nn.RNNBase) and layer.num_layers > 1:
            columns = (f"{recurrent_layer(path, layer, end)}.recurrent" for end in recurrent_ends(layer))
            if len({len(cuts.get((name, 1), range(layer.hidden_size))) for name in columns}) > 1:
                found.append(path)
    return found


def _take(module: fx.GraphModule, name: str, place: Place, axis: int, kept: torch.Tensor) -> None:
    for key in place.keys:
        folder, _, leaf = key.rpartition(".")
        owner = module.get_submodule(folder)
        tensor = getattr(owner, leaf)
        canonical = place.view(tensor.detach())
        if axis >= canonical.dim() or kept.numel() == 0 or int(kept.max()) >= canonical.shape[axis]:
            shape = tuple(canonical.shape)
            raise BadModel(f'"{name}" of the shape {shape} cannot be cut along its axis {axis} as asked.')
        smaller = canonical.index_select(axis, kept.to(tensor.device))
        if place.transposed > 1 and place.transposed == owner.in_channels:  # depthwise: a group per channel
            place = replace(place, transposed=smaller.shape[0] // tensor.shape[1])
        smaller = place.back(smaller).contiguous()
        made = nn.Parameter(smaller, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else smaller
        setattr(owner, leaf, made)
        if isinstance(owner, Kept) and leaf == "weight" and owner.baked is not None:
            left = owner.baked.index_select(axis, kept.to(tensor.device))
            owner.baked = None if bool(left.all()) else left


def _part(module: fx.GraphModule, original: fx.GraphModule) -> None:
    """Tensors that lost nothing are copied, so that nothing is shared."""
    shared = {id(tensor) for tensor in (*original.parameters(), *original.buffers())}
    copies: dict[int, torch.Tensor] = {}
    for layer in list(module.modules()):
        for held in (layer._parameters, layer._buffers):
            for name, tensor in list(held.items()):
                if tensor is not None and id(tensor) in shared:
                    copied = copies.setdefault(id(tensor), copy.deepcopy(tensor))
                    setattr(layer, name, copied)


def _renew(path: str, layer: nn.Module) -> None:
    """Bring a layer's attributes in line with its tensors."""
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = layer.weight.shape
    elif isinstance(layer, nn.modules.conv._ConvNd):
        _renew_conv(path, layer)
    elif isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None:
        layer.num_features = len(layer.running_mean)
    elif isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        layer.normalized_shape = tuple(layer.weight.shape)
    elif isinstance(layer, nn.GroupNorm):
        layer.num_groups = len(layer.weight) if layer.num_groups == layer.num_channels else layer.num_groups
        layer.num_channels = len(layer.weight)
    elif isinstance(layer, nn.RNNBase):
        into, back = layer.get_parameter("weight_ih_l0"), layer.get_parameter("weight_hh_l0")
        layer.input_size, layer.hidden_size = into.shape[1], back.shape[1]
    elif isinstance(layer, HeadAttention):
        layer.renew()
    elif isinstance(layer, nn.Embedding):
        layer.num_embeddings, layer.embedding_dim = layer.weight.shape
    elif isinstance(layer, nn.PReLU):
        layer.num_parameters = len(layer.weight)


def _renew_conv(path: str, layer: nn.modules.conv._ConvNd) -> None:
    first, second = layer.weight.shape[:2]
    if layer.transposed:
        if layer.groups > 1 and layer.groups == layer.in_channels:
            layer.groups = first
        layer.in_channels, layer.out_channels = first, second * layer.groups
        return
    if layer.groups > 1 and layer.groups == layer.in_channels:
        multiplier = layer.out_channels // layer.in_channels
        if first % multiplier:
            raise BadModel(f'The depthwise layer "{path}" must lose whole channels.')
        layer.groups = first // multiplier
        if not getattr(layer, "was_grouped", False):
            layer.was_depthwise = True  # type: ignore[assignment]  # its kernel keeps its name with one channel left
    elif layer.groups > 1:
        layer.was_grouped = True  # type: ignore[assignment]  # its kernel keeps its name with one channel a group
    layer.in_channels, layer.out_channels = second * layer.groups, first


def _mended(module: fx.GraphModule, network: Network, before: Sizes) -> Sizes:
    """Run the smaller network, mending sizes written into it on the way; its shapes at both batch sizes."""
    first, second = before.batches
    mender = Mender(module, before, shuffled(network.graph()))
    with torch.no_grad():
        mender.run(*network.example(first))
    found = shapes(module.graph.nodes)
    if mender.mended:
        module.recompile()
    Trace(module, network.example(second))
    return Sizes(found, shapes(module.graph.nodes), before.batches)


def traced_sizes(module: fx.GraphModule, network: Network) -> Sizes:
    found, batches = [], network.facts.sizes.batches
    for batch in batches:
        Trace(module, network.example(batch))
        found.append(shapes(module.graph.nodes))
    return Sizes(found[0], found[1], batches)
