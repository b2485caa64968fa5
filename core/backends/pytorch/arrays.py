"""Where a network's tensors lie in the canonical order, and the way there and back.

A ``Place`` says which parameter or buffer an array is in, and which part of it: query, key and value are thirds of
one ``in_proj_weight``; a transposed convolution's kernel has its first two axes changed round; an LSTM's one bias is
the sum of PyTorch's two.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from core.backends._base import Floats
from core.backends.pytorch.heads import PARTS, HeadAttention
from core.backends.pytorch.written_attention import Projected, projected

#: Roles that hold running statistics, which are not trained.
STATISTICS = ("mean", "variance")


@dataclass(frozen=True)
class Place:
    """Where an array's numbers are.

    Args:
        keys: Dotted names of the tensors; more than one only where their sum counts.
        start, stop: The rows it has of the tensor; all of them when ``stop`` is None.
        transposed: For kernels kept as (in, out / groups, *window): the groups, else 0.
        trained: Whether gradients flow to it.
    """

    keys: tuple[str, ...]
    start: int = 0
    stop: int | None = None
    transposed: int = 0
    trained: bool = True

    def view(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor's part in canonical order, without copying (grouped transposed convolutions excepted)."""
        part = tensor[self.start : self.stop] if self.stop is not None else tensor
        if not self.transposed:
            return part
        if self.transposed == 1:
            return part.transpose(0, 1)
        groups, (rows, columns, *window) = self.transposed, part.shape
        split = part.reshape(groups, rows // groups, columns, *window).transpose(1, 2)
        return split.reshape(groups * columns, rows // groups, *window)

    def back(self, canonical: torch.Tensor) -> torch.Tensor:
        """From canonical order to the part's own."""
        if not self.transposed:
            return canonical
        if self.transposed == 1:
            return canonical.transpose(0, 1)
        groups, (rows, columns, *window) = self.transposed, canonical.shape
        split = canonical.reshape(groups, rows // groups, columns, *window).transpose(1, 2)
        return split.reshape(groups * columns, rows // groups, *window)


def places(module: nn.Module) -> dict[str, Place]:
    """Every array of the network by ``layer.role``, layers in the order they were registered."""
    found: dict[str, Place] = {}
    taken: set[str] = set()
    written = {path: attention for attention in projected(module) for path in attention.paths}
    for path, layer in module.named_modules():
        own = _of_projected(module, written[path]) if path in written else _of_layer(path, layer)
        for role_name, place in own:
            found[role_name] = place
            taken.update(place.keys)
    for key, _ in module.named_parameters():
        if key not in taken:
            found[f"{key}.parameter"] = Place((key,))
    return found


def read(module: nn.Module, where: Mapping[str, Place]) -> dict[str, Floats]:
    """Canonical arrays, read-only, sharing memory with the module's tensors on the CPU."""
    return canonical(tensors(module), where)


def canonical(state: Mapping[str, torch.Tensor], where: Mapping[str, Place]) -> dict[str, Floats]:
    """The same of tensors given by dotted name."""
    arrays: dict[str, Floats] = {}
    for name, place in where.items():
        parts = [place.view(state[key]) for key in place.keys]
        array = sum(parts[1:], parts[0]).cpu().numpy()
        array.flags.writeable = False
        arrays[name] = array
    return arrays


def tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by dotted name, detached, tied ones under each of their names."""
    named: Iterable[tuple[str, torch.Tensor]] = (
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    )
    return {name: tensor.detach() for name, tensor in named}


def _of_layer(path: str, layer: nn.Module) -> list[tuple[str, Place]]:
    for kind, roles in _ROLES.items():
        if isinstance(layer, kind):
            return [(f"{path}.{role}", Place((f"{path}.{own}",), trained=role not in STATISTICS))
                    for own, role in roles.items() if getattr(layer, own, None) is not None]  # fmt: skip
    if isinstance(layer, nn.modules.conv._ConvNd):
        return _of_conv(path, layer)
    if isinstance(layer, nn.RNNBase):
        return _of_recurrent(path, layer)
    if isinstance(layer, nn.MultiheadAttention):
        return _of_attention(path, layer)
    return []


_AFFINE = {"weight": "scale", "bias": "shift"}
_ROLES: Mapping[type[nn.Module], Mapping[str, str]] = {
    nn.modules.linear.NonDynamicallyQuantizableLinear: {},  # the output projection of attention, listed there
    nn.Linear: {"weight": "kernel", "bias": "bias"},
    nn.modules.batchnorm._BatchNorm: {**_AFFINE, "running_mean": "mean", "running_var": "variance"},
    nn.LayerNorm: _AFFINE,
    nn.RMSNorm: _AFFINE,
    nn.GroupNorm: _AFFINE,
    nn.Embedding: {"weight": "embedding"},
    nn.PReLU: {"weight": "slope"},
}


def _of_conv(path: str, layer: nn.modules.conv._ConvNd) -> list[tuple[str, Place]]:
    depthwise = not layer.transposed and layer.groups > 1 and layer.groups == layer.in_channels
    depthwise = getattr(layer, "was_depthwise", depthwise and not getattr(layer, "was_grouped", False))
    kernel = Place((f"{path}.weight",), transposed=layer.groups if layer.transposed else 0)
    bias = [(f"{path}.bias", Place((f"{path}.bias",)))] if layer.bias is not None else []
    return [(f"{path}.{'depthwise' if depthwise else 'kernel'}", kernel), *bias]


def recurrent_layer(path: str, layer: nn.RNNBase, end: str) -> str:
    """What one pass of a recurrent module is called: its path, and for stacked or two-way ones ``path.l1``…"""
    if layer.num_layers == 1 and re.search(r"\.l\d+$", path):  # one layer of a stack that was taken apart
        return path + end.removeprefix("l0")
    return path if layer.num_layers == 1 and not layer.bidirectional else f"{path}.{end}"


def recurrent_ends(layer: nn.RNNBase) -> list[str]:
    """``l0``, ``l0_reverse``, ``l1`` …"""
    directions = ("", "_reverse") if layer.bidirectional else ("",)
    return [f"l{number}{direction}" for number in range(layer.num_layers) for direction in directions]


def _of_recurrent(path: str, layer: nn.RNNBase) -> list[tuple[str, Place]]:
    found = []
    for end in recurrent_ends(layer):
        name = recurrent_layer(path, layer, end)
        found.append((f"{name}.kernel", Place((f"{path}.weight_ih_{end}",))))
        found.append((f"{name}.recurrent", Place((f"{path}.weight_hh_{end}",))))
        biases = (f"{path}.bias_ih_{end}", f"{path}.bias_hh_{end}") if layer.bias else ()
        if biases and isinstance(layer, nn.LSTM):
            found.append((f"{name}.bias", Place(biases)))
        elif biases:
            found.append((f"{name}.bias", Place(biases[:1])))
            found.append((f"{name}.recurrent_bias", Place(biases[1:])))
    return found


def _of_attention(path: str, layer: nn.MultiheadAttention) -> list[tuple[str, Place]]:
    if isinstance(layer, HeadAttention):
        return _of_heads(path, layer)
    width = layer.embed_dim
    roles = ("query", "key", "value")
    packed = layer.in_proj_weight is not None
    found = []
    for index, role in enumerate(roles):
        key = "in_proj_weight" if packed else f"{role[0]}_proj_weight"
        rows = (index * width, (index + 1) * width) if packed else (0, None)
        found.append((f"{path}.{role}", Place((f"{path}.{key}",), *rows)))
    found.append((f"{path}.out", Place((f"{path}.out_proj.weight",))))
    if layer.in_proj_bias is not None:
        for index, role in enumerate(roles):
            place = Place((f"{path}.in_proj_bias",), index * width, (index + 1) * width)
            found.append((f"{path}.{role}_bias", place))
        found.append((f"{path}.out_bias", Place((f"{path}.out_proj.bias",))))
    return found


def _of_projected(module: nn.Module, attention: Projected) -> list[tuple[str, Place]]:
    """Of an attention in the network's own code: rows of its linear layers, whose names stay."""
    found: list[tuple[str, Place]] = []
    biases: list[tuple[str, Place]] = []
    for role, part in zip(PARTS, attention.parts, strict=True):
        layer = module.get_submodule(part.path)
        whole = (part.start, part.stop) == (0, len(layer.get_parameter("weight")))
        rows = (0, None) if whole else (part.start, part.stop)
        found.append((f"{attention.name}.{role}", Place((f"{part.path}.weight",), *rows)))
        if layer.bias is not None:
            biases.append((f"{attention.name}.{role}_bias", Place((f"{part.path}.bias",), *rows)))
    found.append((f"{attention.name}.out", Place((f"{attention.out}.weight",))))
    if module.get_submodule(attention.out).bias is not None:
        biases.append((f"{attention.name}.out_bias", Place((f"{attention.out}.bias",))))
    return found + biases


def _of_heads(path: str, layer: HeadAttention) -> list[tuple[str, Place]]:
    found = [(f"{path}.{part}", Place((f"{path}.{part}_weight",))) for part in PARTS]
    found.append((f"{path}.out", Place((f"{path}.out_proj.weight",))))
    if layer.out_proj.bias is not None:
        found += [(f"{path}.{part}_bias", Place((f"{path}.{part}_bias",))) for part in PARTS]
        found.append((f"{path}.out_bias", Place((f"{path}.out_proj.bias",))))
    return found
