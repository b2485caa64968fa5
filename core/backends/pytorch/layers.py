"""The ``nn`` module an ``aten`` operation came from, rebuilt around the operation's own tensors.

Each builder gets the operation's arguments by schema name, tensors already looked up, and the rank of its input.
It returns a module on the meta device whose settings say everything about it; the tensors are put in afterwards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Layered:
    """How one operation becomes a layer.

    ``tensors`` maps the module's own names to the operation's arguments; the first names the layer.
    ``calls`` are the arguments a call of the module passes.
    """

    build: Callable[[Arguments, int], nn.Module | None]
    tensors: Mapping[str, str]
    calls: tuple[str, ...] = ("input",)


def _all_same(values: Any) -> bool:
    return len(set(values)) == 1


def _linear(a: Arguments, rank: int) -> nn.Module | None:
    out, into = a["weight"].shape
    return nn.Linear(into, out, bias=a["bias"] is not None, device="meta")


_CONVS: Mapping[int, Callable[..., nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: Mapping[int, Callable[..., nn.Module]] = {
    1: nn.ConvTranspose1d,
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}


def _conv(a: Arguments, rank: int) -> nn.Module | None:
    out, into, *window = a["weight"].shape
    padding = a["padding"] if isinstance(a["padding"], str) else _spread(a["padding"], len(window))
    return _CONVS[len(window)](
        into * a["groups"],
        out,
        tuple(window),
        _spread(a["stride"], len(window)),
        padding,
        _spread(a["dilation"], len(window)),
        a["groups"],
        a["bias"] is not None,
        device="meta",
    )


def _conv_transpose(a: Arguments, rank: int) -> nn.Module | None:
    into, out, *window = a["weight"].shape
    spread = [_spread(a[name], len(window)) for name in ("stride", "padding", "output_padding")]
    dilation = _spread(a["dilation"], len(window))
    return _TRANSPOSED[len(window)](
        into, out * a["groups"], tuple(window), *spread, a["groups"], a["bias"] is not None, dilation, device="meta"
    )


def _spread(values: Any, length: int) -> tuple[int, ...]:
    return tuple(values) * length if len(values) == 1 else tuple(values)


def _batch_norm(a: Arguments, rank: int) -> nn.Module | None:
    if a["running_mean"] is None or rank not in (2, 3, 4, 5) or (a["weight"] is None) != (a["bias"] is None):
        return None
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[rank]
    return kind(len(a["running_mean"]), a["eps"], a["momentum"], affine=a["weight"] is not None, device="meta")


def _layer_norm(a: Arguments, rank: int) -> nn.Module | None:
    if a["weight"] is None:
        return None
    return nn.LayerNorm(tuple(a["normalized_shape"]), a["eps"], bias=a["bias"] is not None, device="meta")


def _group_norm(a: Arguments, rank: int) -> nn.Module | None:
    if a["weight"] is None or a["bias"] is None:
        return None
    return nn.GroupNorm(a["num_groups"], len(a["weight"]), a["eps"], device="meta")


def _rms_norm(a: Arguments, rank: int) -> nn.Module | None:
    return None if a["weight"] is None else nn.RMSNorm(tuple(a["normalized_shape"]), a["eps"], device="meta")


def _instance_norm(a: Arguments, rank: int) -> nn.Module | None:
    """Each channel a group of its own; with running statistics it is something else."""
    if a["weight"] is None or a["bias"] is None or not a["use_input_stats"] or a["running_mean"] is not None:
        return None
    return nn.GroupNorm(len(a["weight"]), len(a["weight"]), a["eps"], device="meta")


def _embedding(a: Arguments, rank: int) -> nn.Module | None:
    if a["scale_grad_by_freq"] or a["sparse"]:
        return None
    tokens, channels = a["weight"].shape
    padding = a["padding_idx"] if a["padding_idx"] >= 0 else None
    return nn.Embedding(tokens, channels, padding_idx=padding, device="meta")


def _prelu(a: Arguments, rank: int) -> nn.Module | None:
    return nn.PReLU(len(a["weight"]), device="meta")


_KERNEL = {"weight": "weight", "bias": "bias"}
_STATISTICS = {**_KERNEL, "running_mean": "running_mean", "running_var": "running_var"}

#: Operation -> layer.
LAYERS: Mapping[str, Layered] = {
    "linear": Layered(_linear, _KERNEL),
    "conv1d": Layered(_conv, _KERNEL),
    "conv2d": Layered(_conv, _KERNEL),
    "conv3d": Layered(_conv, _KERNEL),
    "conv_transpose1d": Layered(_conv_transpose, _KERNEL),
    "conv_transpose2d": Layered(_conv_transpose, _KERNEL),
    "conv_transpose3d": Layered(_conv_transpose, _KERNEL),
    "batch_norm": Layered(_batch_norm, _STATISTICS),
    "layer_norm": Layered(_layer_norm, _KERNEL),
    "rms_norm": Layered(_rms_norm, {"weight": "weight"}),
    "group_norm": Layered(_group_norm, _KERNEL),
    "instance_norm": Layered(_instance_norm, _KERNEL),
    "embedding": Layered(_embedding, {"weight": "weight"}, ("indices",)),
    "prelu": Layered(_prelu, {"weight": "weight"}, ("self",)),
}

#: Operation without tensors of its own that trains differently -> layer.
DROPOUTS: Mapping[str, Callable[[float], nn.Module]] = {
    "dropout": nn.Dropout,
    "feature_dropout": nn.Dropout2d,
    "alpha_dropout": nn.AlphaDropout,
}


def settings(module: nn.Module) -> str:
    """A text equal for modules that do the same with the same tensors."""
    return repr(module)


def put(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    """Put a tensor where the module keeps its own of that name."""
    if isinstance(tensor, nn.Parameter) or name not in module._parameters:
        setattr(module, name, tensor)
    else:
        raise TypeError(f"{name} is no parameter")
