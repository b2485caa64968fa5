"""Normalisations that leave removed channels out of their statistics.

A cut network normalises over fewer channels. Under a mask the same must hold, or the preview would show numbers the
cut network does not have.
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional


class KeptLayerNorm(nn.LayerNorm):
    """Layer normalisation over the kept entries of its last axes.

    ``baked`` and ``preview`` are 1 or 0 per entry; None keeps all. ``baked`` belongs to the network, ``preview`` to one
    call of a clone. Plain attributes, no buffers: they are no part of the network's state.
    """

    baked: torch.Tensor | None
    preview: torch.Tensor | None

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - PyTorch's name
        """Kept entries normalised among themselves; the others are what scale and shift (masked: zero) make of zero."""
        kept = self.baked if self.preview is None else self.preview
        if kept is None:
            return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)
        axes = tuple(range(-len(self.normalized_shape), 0))
        count = kept.sum()
        centred = (input - (input * kept).sum(axes, keepdim=True) / count) * kept
        variance = centred.square().sum(axes, keepdim=True) / count
        normalised = centred * torch.rsqrt(variance + self.eps) * self.weight
        return normalised if self.bias is None else normalised + self.bias * kept


def with_kept_norms(module: nn.Module) -> None:
    """Every layer normalisation made one that can leave channels out, in place; tensors stay the same."""
    for layer in module.modules():
        if type(layer) is nn.LayerNorm and layer.weight is not None:
            layer.__class__ = KeptLayerNorm
            layer.baked = layer.preview = None  # type: ignore[assignment]


def baked(module: nn.Module) -> dict[str, torch.Tensor]:
    """What the network's normalisations keep for good, by their scale's dotted name."""
    found = {path: layer.baked for path, layer in module.named_modules() if isinstance(layer, KeptLayerNorm)}
    return {f"{path}.weight": kept for path, kept in found.items() if kept is not None}


def bake(module: nn.Module, kept: Mapping[str, torch.Tensor]) -> None:
    """Make each normalisation keep what its scale's mask leaves, all where it has none."""
    with_kept_norms(module)
    for path, layer in module.named_modules():
        if isinstance(layer, KeptLayerNorm):
            layer.baked = _numbers(kept.get(f"{path}.weight"), layer)


def preview(module: nn.Module, kept: Mapping[str, torch.Tensor]) -> None:
    """The same until the next call of this function; where a scale has no mask, what is baked in holds."""
    for path, layer in module.named_modules():
        if isinstance(layer, KeptLayerNorm):
            layer.preview = _numbers(kept.get(f"{path}.weight"), layer)


def _numbers(mask: torch.Tensor | None, layer: nn.LayerNorm) -> torch.Tensor | None:
    return None if mask is None else mask.to(layer.weight)
