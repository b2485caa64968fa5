"""Normalisations that leave removed channels out of their statistics.

A cut network normalises over fewer channels. Under a mask the same must hold, or the preview would show numbers the
cut network does not have.
"""

from collections.abc import Mapping
from math import prod

import torch
from torch import nn
from torch.nn import functional


class Kept(nn.Module):
    """A normalisation that knows which of its entries are kept.

    ``baked`` and ``preview`` are 1 or 0 per entry of the scale; None keeps all. ``baked`` belongs to the network,
    ``preview`` to one call of a clone. Plain attributes, no buffers: they are no part of the network's state.
    """

    baked: torch.Tensor | None
    preview: torch.Tensor | None

    @property
    def kept(self) -> torch.Tensor | None:
        """What holds now."""
        return self.baked if self.preview is None else self.preview


class KeptLayerNorm(Kept, nn.LayerNorm):
    """Layer normalisation over the kept entries of its last axes."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - PyTorch's name
        """Kept entries normalised among themselves; the others are what scale and shift (masked: zero) make of zero."""
        kept = self.kept
        if kept is None:
            return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)
        axes = tuple(range(-len(self.normalized_shape), 0))
        count = kept.sum()
        centred = (input - (input * kept).sum(axes, keepdim=True) / count) * kept
        variance = centred.square().sum(axes, keepdim=True) / count
        normalised = centred * torch.rsqrt(variance + self.eps) * self.weight
        return normalised if self.bias is None else normalised + self.bias * kept


class KeptRMSNorm(Kept, nn.RMSNorm):
    """Division by the root of the mean square of the kept entries of the last axes."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - PyTorch's name
        """Kept entries, the others zero."""
        kept = self.kept
        if kept is None:
            return functional.rms_norm(input, self.normalized_shape, self.weight, self.eps)
        axes = tuple(range(-len(self.normalized_shape), 0))
        square = (input * kept).square().sum(axes, keepdim=True) / kept.sum()
        eps = torch.finfo(input.dtype).eps if self.eps is None else self.eps
        return input * kept * torch.rsqrt(square + eps) * self.weight


class KeptGroupNorm(Kept, nn.GroupNorm):
    """Group normalisation over the kept channels of each group."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - PyTorch's name
        """Kept channels normalised among those of their group; the others zero."""
        kept = self.kept
        if kept is None:
            return functional.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)
        samples, channels, *places = input.shape
        parts = input.reshape(samples, self.num_groups, -1, prod(places))
        flags = kept.view(1, self.num_groups, -1, 1)
        count = (flags.sum((2, 3), keepdim=True) * prod(places)).clamp(min=1)
        centred = (parts - (parts * flags).sum((2, 3), keepdim=True) / count) * flags
        variance = centred.square().sum((2, 3), keepdim=True) / count
        normalised = (centred * torch.rsqrt(variance + self.eps)).reshape(samples, channels, -1)
        result = normalised * self.weight.view(-1, 1) + (self.bias * kept).view(-1, 1)
        return result.reshape(input.shape)


_KINDS: Mapping[type[nn.Module], type[Kept]] = {
    nn.LayerNorm: KeptLayerNorm,
    nn.RMSNorm: KeptRMSNorm,
    nn.GroupNorm: KeptGroupNorm,
}


def with_kept_norms(module: nn.Module) -> None:
    """Every normalisation across channels made one that can leave some out, in place; tensors stay the same."""
    for layer in module.modules():
        kind = _KINDS.get(type(layer))
        if kind is not None and layer.weight is not None:
            layer.__class__ = kind
            layer.baked = layer.preview = None  # type: ignore[assignment]


def baked(module: nn.Module) -> dict[str, torch.Tensor]:
    """What the network's normalisations keep for good, by their scale's dotted name."""
    found = {path: layer.baked for path, layer in module.named_modules() if isinstance(layer, Kept)}
    return {f"{path}.weight": kept for path, kept in found.items() if kept is not None}


def bake(module: nn.Module, kept: Mapping[str, torch.Tensor]) -> None:
    """Make each normalisation keep what its scale's mask leaves, all where it has none."""
    with_kept_norms(module)
    for path, layer in module.named_modules():
        if isinstance(layer, Kept):
            layer.baked = _numbers(kept.get(f"{path}.weight"), layer)


def preview(module: nn.Module, kept: Mapping[str, torch.Tensor]) -> None:
    """The same until the next call of this function; where a scale has no mask, what is baked in holds."""
    for path, layer in module.named_modules():
        if isinstance(layer, Kept):
            layer.preview = _numbers(kept.get(f"{path}.weight"), layer)


def _numbers(mask: torch.Tensor | None, layer: Kept) -> torch.Tensor | None:
    return None if mask is None else mask.to(layer.weight)  # type: ignore[arg-type]
