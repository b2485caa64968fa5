"""Squares of single samples' kernel gradients, layer by layer from what comes to a kernel and what leaves it.

A kernel's gradient is a sum of products of its input and of the gradient at its output. Both are there for every sample
after one pass for the whole batch; only the products are made sample by sample (Goodfellow 2015, arXiv:1510.01799).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.stepping import Stepper

#: Bytes that one layer's gradients of samples computed together may take.
_BYTES = 64 << 20
_OWNERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
_INSIDE = {
    nn.MultiheadAttention: ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"),
    nn.GRU: ("weight_",),
    nn.LSTM: ("weight_",),
}

#: From input and output gradient of some samples to the kernel's gradient of each.
Slopes = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class NotFactored(Exception):  # noqa: N818 - a signal, not an error
    """A kernel is used in a way whose gradient is not known as a product."""


@dataclass(frozen=True)
class Use:
    """One use of a kernel's rows from ``start`` on. ``axis`` is that of the samples in both; None: a linear product."""

    start: int
    x: torch.Tensor
    out: torch.Tensor
    axis: int = 0
    slopes: Slopes | None = None


def factored(module: fx.GraphModule, keys: set[str]) -> bool:
    """Whether the tensors of these names are kernels of layers whose products are known, and nothing else."""
    owned: set[str] = set()
    for path, layer in module.named_modules():
        if type(layer) in _OWNERS:
            owned.add(f"{path}.weight")
        starts = tuple(f"{path}.{name}" for name in _INSIDE.get(type(layer), ()))
        owned.update(key for key in keys if starts and key.startswith(starts))
    names: dict[int, list[str]] = {}
    for key, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(key)
    tied = {key for same in names.values() if len(same) > 1 for key in same}
    read = {str(node.target) for node in module.graph.nodes if node.op == "get_attr"}
    return keys <= owned and not keys & (tied | read)


class Products(Stepper):
    """Remembers every use of a kernel.

    Raises:
        NotFactored: While running: samples lie mixed along an axis.
    """

    def __init__(self, module: fx.GraphModule, sizes: Sizes, uses: dict[str, list[Use]], end: str = "") -> None:
        super().__init__(module, end)
        self._sizes = sizes
        self._uses = uses

    def run_node(self, n: fx.Node) -> Any:
        """One node's value."""
        value = super().run_node(n)
        layer = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
        if type(layer) not in _OWNERS:
            return value
        (x,), _ = self.fetch_args_kwargs_from_env(n)
        sample = self._sizes.sample(n.name)
        if sample is None or sample.batch is None or sample.folded:
            raise NotFactored
        value = _leaf(value)
        slopes = None if isinstance(layer, nn.Linear) else _of_conv(layer)  # type: ignore[arg-type]
        self._uses.setdefault(f"{n.target}.weight", []).append(Use(0, x.detach(), value, sample.batch, slopes))
        return value

    def product(
        self, key: str, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, start: int = 0
    ) -> torch.Tensor:
        """A product inside of a layer."""
        value = _leaf(super().product(key, x, weight, bias, start))
        self._uses.setdefault(key, []).append(Use(start, x.detach(), value))
        return value


def _leaf(value: torch.Tensor) -> torch.Tensor:
    return value if value.requires_grad else value.detach().requires_grad_()


def squares(
    uses: dict[str, list[Use]], total: torch.Tensor, weights: torch.Tensor, kernels: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """By key the sum over samples of weight x squared gradient.

    Args:
        uses: What :class:`Products` remembered.
        total: The sum of the samples' losses, unweighted.
        weights: One number a sample.
        kernels: The tensors, for their shapes.
    """
    flat = [use for group in uses.values() for use in group]
    found = torch.autograd.grad(total, [use.out for use in flat], allow_unused=True)
    slopes = {id(use): slope for use, slope in zip(flat, found, strict=True) if slope is not None}
    sums = {key: torch.zeros_like(kernel) for key, kernel in kernels.items()}
    for key, group in uses.items():
        for start in dict.fromkeys(use.start for use in group):
            parts = [(use, slopes[id(use)]) for use in group if use.start == start and id(use) in slopes]
            if key in sums and parts:
                part = _linear(parts, weights) if parts[0][0].slopes is None else _windowed(parts, weights)
                sums[key][start : start + len(part)] += part
    return sums


def _linear(parts: list[tuple[Use, torch.Tensor]], weights: torch.Tensor) -> torch.Tensor:
    """Of a kernel that multiplies the last axis; positions, steps and repeated uses add up before the square."""
    x = torch.cat([_positions(use.x, use.axis) for use, _ in parts], 1)
    slope = torch.cat([_positions(slope, use.axis) for use, slope in parts], 1)
    if x.shape[1] == 1:
        return (slope[:, 0].square() * weights[:, None]).T @ x[:, 0].square()
    return _added(lambda rows: slope[rows].transpose(1, 2) @ x[rows], weights, x.shape[2] * slope.shape[2])


def _positions(value: torch.Tensor, axis: int) -> torch.Tensor:
    """``(samples, positions, features)``"""
    moved = value.movedim(axis, 0)
    return moved.reshape(len(moved), -1, moved.shape[-1])


def _windowed(parts: list[tuple[Use, torch.Tensor]], weights: torch.Tensor) -> torch.Tensor:
    def of(rows: slice) -> torch.Tensor:
        found = [use.slopes(use.x[rows], slope[rows]) for use, slope in parts if use.slopes is not None]
        return sum(found[1:], found[0])

    use, slope = parts[0]
    one = of(slice(0, 1))
    entries = max(one.numel(), (use.x[0].numel() + slope[0].numel()) * prod(one.shape[3:]))
    return _added(of, weights, entries)


def _added(of: Callable[[slice], torch.Tensor], weights: torch.Tensor, entries: int) -> torch.Tensor:
    """Sum over samples of weight x square, some samples at once; ``entries`` is what one sample takes."""
    size = max(1, _BYTES // (4 * entries))
    total: torch.Tensor | None = None
    for start in range(0, len(weights), size):
        rows = slice(start, start + size)
        part = torch.einsum("n,n...->...", weights[rows], of(rows).square_())
        total = part if total is None else total.add_(part)
    assert total is not None  # a batch has samples
    return total


def _of_conv(layer: nn.modules.conv._ConvNd) -> Slopes:
    """A convolution's kernel gradient: windows of one side times the other."""
    window, flat = layer.kernel_size, len(layer.kernel_size) == 1
    padding = (0,) * len(window) if isinstance(layer.padding, str) else layer.padding
    same = layer._reversed_padding_repeated_twice if layer.padding == "same" else None
    given = ((1, window), (1, layer.dilation), (0, padding), (1, layer.stride))
    settings = [(neutral, *sizes) if flat else sizes for neutral, sizes in given]

    def slopes(x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        seen, other = (slope, x) if layer.transposed else (x, slope)
        seen = seen if same is None else functional.pad(seen, same)
        windows = functional.unfold(seen.unsqueeze(2) if flat else seen, *settings)
        windows, other = (each.reshape(len(x), layer.groups, -1, each[0, 0].numel()) for each in (windows, other))
        if windows.shape[-1] != other.shape[-1]:
            raise NotFactored
        return (other @ windows.transpose(2, 3)).reshape(len(x), *layer.weight.shape)

    return slopes
