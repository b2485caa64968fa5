"""A specification as a PyTorch network: pictures channels first, series (steps, features)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.generated.specification import Specification, Step

_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


class Network(nn.Module):
    """The steps in order; a layer is called like its step."""

    def __init__(self, specification: Specification) -> None:
        super().__init__()
        self.specification = specification
        shapes = {"input": specification.shape}
        for step in specification.steps:
            shapes[step.name] = step.shape
            layer = _layer(step, shapes[step.inputs[0]])
            if layer is not None:
                self.add_module(step.name, layer)

    def forward(self, x: Tensor) -> Tensor:
        values = {"input": x}
        for step in self.specification.steps:
            given = [values[name] for name in step.inputs]
            values[step.name] = x = self._made(step, given)
        return x

    def _made(self, step: Step, given: list[Tensor]) -> Tensor:
        x, picture = given[0], given[0].dim() == 4
        layer = getattr(self, step.name, None)
        if step.kind in ("gru", "lstm"):
            return layer(x)[0]
        if step.kind == "attention":
            return layer(x, x, x, need_weights=False)[0]
        if step.kind == "layer_norm" and picture:
            return layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        if step.kind == "batch_norm" and x.dim() == 3:
            return layer(x.transpose(1, 2)).transpose(1, 2)
        return layer(x) if layer is not None else _combined(step, given)


def _combined(step: Step, given: list[Tensor]) -> Tensor:
    x = given[0]
    if step.kind == "activation":
        return _FUNCTIONS[step.settings["function"]](x)
    if step.kind == "add":
        return sum(given[1:], x)
    if step.kind == "multiply":
        return x * given[1]
    if step.kind == "concat":
        return torch.cat(given, 1 if x.dim() == 4 else -1)
    if step.kind == "pool":
        return (F.max_pool2d if step.settings["how"] == "max" else F.avg_pool2d)(x, 2)
    if step.kind == "mean":
        return x.mean((2, 3)) if x.dim() == 4 else x.mean(1)
    return x[:, -1] if step.kind == "last" else torch.flatten(x, 1)


def _layer(step: Step, source: tuple[int, ...]) -> nn.Module | None:
    maker = _MAKERS.get(step.kind)
    channels = source[0] if len(source) == 3 else source[-1]
    return None if maker is None else maker(step.settings, channels, len(source))


def _conv(a: Any, channels: int, rank: int) -> nn.Module:
    return nn.Conv2d(channels, a["channels"], a["window"], a["stride"], a["window"] // 2, 1, a["groups"], a["bias"])


def _separable(a: Any, channels: int, rank: int) -> nn.Module:
    depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    return nn.Sequential(depthwise, nn.Conv2d(channels, a["channels"], 1, bias=a["bias"]))


def _depthwise(a: Any, channels: int, rank: int) -> nn.Module:
    return nn.Conv2d(channels, channels * a["multiplier"], 3, padding=1, groups=channels, bias=a["bias"])


def _recurrent(kind: type[nn.GRU] | type[nn.LSTM]) -> Callable[[Any, int, int], nn.Module]:
    return lambda a, channels, rank: kind(
        channels, a["hidden"], a["layers"], batch_first=True, bidirectional=a["both_ways"]
    )


_MAKERS: dict[str, Callable[[Any, int, int], nn.Module]] = {
    "conv": _conv,
    "separable": _separable,
    "depthwise": _depthwise,
    "transposed": lambda a, channels, rank: nn.ConvTranspose2d(channels, a["channels"], 2, 2, bias=a["bias"]),
    "batch_norm": lambda a, channels, rank: (nn.BatchNorm2d if rank == 3 else nn.BatchNorm1d)(channels),
    "group_norm": lambda a, channels, rank: nn.GroupNorm(a["groups"], channels),
    "layer_norm": lambda a, channels, rank: nn.LayerNorm(channels),
    "prelu": lambda a, channels, rank: nn.PReLU(channels),
    "dense": lambda a, channels, rank: nn.Linear(channels, a["features"]),
    "embedding": lambda a, channels, rank: nn.Embedding(a["words"], a["features"]),
    "gru": _recurrent(nn.GRU),
    "lstm": _recurrent(nn.LSTM),
    "attention": lambda a, channels, rank: nn.MultiheadAttention(channels, a["heads"], batch_first=True),
}


def built(specification: Specification) -> nn.Module:
    """The network with seeded weights, statistics and scales off their defaults."""
    torch.manual_seed(specification.seed)
    network = Network(specification)
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if tensor.is_floating_point() and tensor.dim() == 1:
            positive = "var" in name or "weight" in name
            tensor.data.uniform_(0.5, 1.5) if positive else tensor.data.uniform_(-0.5, 0.5)
    return network.eval()
