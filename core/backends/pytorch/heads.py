"""Multi-head attention of any widths: what is left of ``nn.MultiheadAttention`` once heads or channels are gone.

``nn.MultiheadAttention`` keeps query, key and value in one tensor and insists that heads x head width is the width of
its input and of its output. Here each has tensors of its own.
"""

from typing import Self

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

PARTS = ("query", "key", "value")


class HeadAttention(nn.MultiheadAttention):
    """The textbook's attention: ``softmax(Q Kᵀ / sqrt(d)) V`` per head, joined by ``out_proj``."""

    def __init__(self, heads: int, width: int, batch_first: bool, *, bias: bool, device: str = "cpu") -> None:
        nn.Module.__init__(self)
        self.num_heads, self.head_dim, self.batch_first, self.dropout = heads, width, batch_first, 0.0
        self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", None)
        for part in PARTS:
            self.register_parameter(f"{part}_weight", nn.Parameter(torch.empty(0, 0, device=device)))
            self.register_parameter(f"{part}_bias", nn.Parameter(torch.empty(0, device=device)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(1, 1, bias=bias, device="meta")

    @classmethod
    def of(cls, layer: nn.MultiheadAttention) -> Self:
        """The same attention around parts of the layer's tensors; the layer must be :func:`textbook`."""
        made = cls(layer.num_heads, layer.head_dim, layer.batch_first, bias=layer.in_proj_bias is not None)
        made.dropout = layer.dropout
        packed = layer.in_proj_weight
        separate = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
        weights = separate if packed is None else packed.detach().chunk(3)
        for part, weight in zip(PARTS, weights, strict=True):
            setattr(made, f"{part}_weight", nn.Parameter(weight.detach().clone()))
        if layer.in_proj_bias is not None:
            for part, bias in zip(PARTS, layer.in_proj_bias.detach().chunk(3), strict=True):
                setattr(made, f"{part}_bias", nn.Parameter(bias.clone()))
        made.out_proj = layer.out_proj
        return made.train(layer.training)

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        key_padding_mask: torch.Tensor | None = None,
        need_weights: bool = True,
        attn_mask: torch.Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As ``nn.MultiheadAttention.forward``, for batches."""
        queries, keys, values = (
            self._heads(part, given) for part, given in zip(PARTS, (query, key, value), strict=True)
        )
        mask = self._mask(key_padding_mask, attn_mask, queries)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = torch.matmul(queries * queries.shape[-1] ** -0.5, keys.transpose(-2, -1))
            weights = torch.softmax(scores if mask is None else scores + mask, -1)
            context = torch.matmul(functional.dropout(weights, dropout) if dropout else weights, values)
            weights = weights.mean(1) if average_attn_weights else weights
        else:
            context = functional.scaled_dot_product_attention(queries, keys, values, mask, dropout)
        joined = context.transpose(1, 2).flatten(2)
        return self.out_proj(joined if self.batch_first else joined.transpose(0, 1)), weights

    def renew(self) -> None:
        """Count the heads that are left."""
        self.num_heads = len(self.get_parameter("query_weight")) // self.head_dim
        self.out_proj.out_features, self.out_proj.in_features = self.out_proj.weight.shape

    def _heads(self, part: str, x: torch.Tensor) -> torch.Tensor:
        """(samples, heads, tokens, width)"""
        projected = functional.linear(x, getattr(self, f"{part}_weight"), getattr(self, f"{part}_bias"))
        batch = projected if self.batch_first else projected.transpose(0, 1)
        return batch.reshape(*batch.shape[:2], self.num_heads, -1).transpose(1, 2)

    def _mask(
        self, padding: torch.Tensor | None, mask: torch.Tensor | None, queries: torch.Tensor
    ) -> torch.Tensor | None:
        """What is added to the scores, broadcasting over (samples, heads, queries, keys)."""
        found = None if mask is None else _added(mask, queries)
        if found is not None and found.dim() == 3:
            found = found.reshape(-1, self.num_heads, *found.shape[1:])
        if padding is None:
            return found
        keys = _added(padding, queries)[:, None, None, :]
        return keys if found is None else keys + found


def _added(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, float("-inf"))


def textbook(layer: nn.MultiheadAttention) -> bool:
    """Whether it can be put into parts: no learned key and value of its own, no added zeros."""
    return getattr(layer, "bias_k", None) is None and not getattr(layer, "add_zero_attn", False)


def divided(module: nn.Module, paths: set[str]) -> None:
    """The attentions at these paths put into parts, in place."""
    for path, layer in list(module.named_modules()):
        if path in paths and isinstance(layer, nn.MultiheadAttention) and not isinstance(layer, HeadAttention):
            folder, _, leaf = path.rpartition(".")
            setattr(module.get_submodule(folder), leaf, HeadAttention.of(layer))
