"""Normalisations that leave removed channels out of their statistics.

A cut network normalises over fewer channels. Under a mask the same must hold, or the preview would show numbers the
cut network does not have.
"""

import torch
from torch import nn
from torch.nn import functional


class KeptLayerNorm(nn.LayerNorm):
    """Layer normalisation over the kept entries of its last axes. ``kept`` is 1 or 0 per entry; None keeps all."""

    kept: torch.Tensor | None

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - PyTorch's name
        """Kept entries normalised among themselves; the others get what scale and shift (masked: zero) make of them."""
        kept = self.kept
        if kept is None:
            return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)
        axes = tuple(range(-len(self.normalized_shape), 0))
        count = kept.sum()
        centred = (input - (input * kept).sum(axes, keepdim=True) / count) * kept
        variance = centred.square().sum(axes, keepdim=True) / count
        normalised = centred * torch.rsqrt(variance + self.eps) * self.weight
        return normalised if self.bias is None else normalised + self.bias * kept


def with_kept_norms(module: nn.Module) -> nn.Module:
    """Every layer normalisation made one that can leave channels out, in place; tensors stay the same."""
    for layer in module.modules():
        if type(layer) is nn.LayerNorm and layer.weight is not None:
            layer.__class__ = KeptLayerNorm
            layer.register_buffer("kept", None)
    return module


def keep(module: nn.Module, kept: dict[str, torch.Tensor]) -> None:
    """Tell each layer normalisation what its scale's mask leaves, by the scale's dotted name; all where it has none."""
    for path, layer in module.named_modules():
        if isinstance(layer, KeptLayerNorm):
            mask = kept.get(f"{path}.weight")
            layer.kept = None if mask is None else mask.to(layer.weight.dtype)
