"""Layers that become two: a thinner one, and one that brings its result back to as many channels."""

import copy
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import fx, nn

from core.backends._base import Floats
from core.backends.pytorch.network import Network
from core.backends.pytorch.surgery import own_copy, traced_sizes
from core.backends.pytorch.tracing import FAILURES
from core.errors import BadModel, first_line
from core.factors import checked


def factorised(network: Network, factors: Mapping[str, tuple[Floats, Floats]]) -> Network:
    """See :meth:`core.backends._base.LoadedModel.factorised`. A layer used twice becomes two layers used twice."""
    checked(network.graph(), factors)
    module = own_copy(network.module)
    for name, (up, down) in factors.items():
        _split(module, name.rpartition(".")[0], up, down)
    module.graph.lint()
    module.recompile()
    try:
        sizes = traced_sizes(module, network)
    except FAILURES as err:
        raise BadModel(f"The factorised network does not run: {first_line(err)}") from err
    return Network(module, replace(network.facts, sizes=sizes))


def _split(module: fx.GraphModule, path: str, up: Floats, down: Floats) -> None:
    folder, _, leaf = path.rpartition(".")
    owner, layer = module.get_submodule(folder), module.get_submodule(path)
    names = f"{leaf}_down", f"{leaf}_up"
    for taken in names:
        if hasattr(owner, taken):
            raise BadModel(f'"{path}" cannot be factorised: the network has a "{taken}" beside it already.')
    pair = _pair(layer, up, down)
    _put(owner, leaf, dict(zip(names, pair, strict=True)))
    first, second = (f"{folder}.{name}" if folder else name for name in names)
    for node in [node for node in module.graph.nodes if node.op == "call_module" and node.target == path]:
        with module.graph.inserting_before(node):
            thin = module.graph.call_module(first, node.args, node.kwargs)
            wide = module.graph.call_module(second, (thin,))
        thin.meta, wide.meta = dict(node.meta), dict(node.meta)
        node.replace_all_uses_with(wide)
        module.graph.erase_node(node)


def _pair(layer: nn.Module, up: Floats, down: Floats) -> tuple[nn.Module, nn.Module]:
    """The thin layer with the original's stride, padding and dilation, and the one of window 1 with its bias."""
    rank = len(down)
    if isinstance(layer, nn.Linear):
        thin: nn.Module = nn.Linear(layer.in_features, rank, bias=False, device="meta")
        wide: nn.Module = nn.Linear(rank, layer.out_features, bias=layer.bias is not None, device="meta")
    elif isinstance(layer, nn.modules.conv._ConvNd) and not layer.transposed:
        kind, one = type(layer), (1,) * len(layer.kernel_size)
        given = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        thin = kind(layer.in_channels, rank, *given, bias=False, padding_mode=layer.padding_mode, device="meta")  # type: ignore[call-arg]
        wide = kind(rank, layer.out_channels, one, bias=layer.bias is not None, device="meta")  # type: ignore[call-arg]
    else:
        raise BadModel(f"A {type(layer).__name__} is computed as it is; it cannot be factorised.")
    learns = layer.weight.requires_grad
    for made, array in ((thin, down), (wide, up)):
        made.weight = nn.Parameter(torch.from_numpy(array.copy()).to(layer.weight.device), learns)
    if layer.bias is not None:
        wide.bias = copy.deepcopy(layer.bias)
    return thin.train(layer.training), wide.train(layer.training)


def _put(owner: nn.Module, leaf: str, made: Mapping[str, nn.Module]) -> None:
    """In the layer's own place, so that layers keep their order."""
    before = dict(owner.named_children())
    for name in before:
        delattr(owner, name)
    for name, child in before.items():
        for new, placed in made.items() if name == leaf else ((name, child),):
            owner.add_module(new, placed)
