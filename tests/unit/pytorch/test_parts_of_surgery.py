"""Attention in parts, normalisation over what is kept, sizes written into reshapes."""

import pytest
import torch
from torch import nn

from core.backends.pytorch.heads import HeadAttention, textbook
from core.backends.pytorch.mending import mended
from core.backends.pytorch.norms import bake
from core.errors import BadModel

OPTIONS = {
    "batch first": {"batch_first": True},
    "batch second": {},
    "no bias": {"batch_first": True, "bias": False},
    "other widths": {"batch_first": True, "kdim": 5, "vdim": 5},
}
MASKS = {
    "none": {},
    "later": {"attn_mask": torch.triu(torch.full((4, 6), float("-inf")), 1)},
    "later, as booleans": {"attn_mask": torch.triu(torch.ones(4, 6, dtype=torch.bool), 1)},
    "one for each head": {"attn_mask": torch.rand(3 * 2, 4, 6, generator=torch.Generator().manual_seed(1))},
    "padding": {"key_padding_mask": torch.tensor([[False] * 4 + [True] * 2] * 3)},
}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("options", OPTIONS)
def test_attention_in_parts_is_attention(options, masks, need_weights):
    torch.manual_seed(0)
    settings = OPTIONS[options]
    whole = nn.MultiheadAttention(8, 2, **settings).eval()
    query, memory = torch.rand(3, 4, 8), torch.rand(3, 6, settings.get("kdim", 8))
    if "batch_first" not in settings:
        query, memory = query.transpose(0, 1), memory.transpose(0, 1)
    expected, weights = whole(query, memory, memory, need_weights=need_weights, **MASKS[masks])
    found, own = HeadAttention.of(whole)(query, memory, memory, need_weights=need_weights, **MASKS[masks])
    torch.testing.assert_close(found, expected)
    assert (own is None) == (weights is None)
    if own is not None:
        torch.testing.assert_close(own, weights)


def test_learned_keys_and_added_zeros_stay_as_they_are():
    assert textbook(nn.MultiheadAttention(8, 2))
    assert not textbook(nn.MultiheadAttention(8, 2, add_bias_kv=True))
    assert not textbook(nn.MultiheadAttention(8, 2, add_zero_attn=True))


@pytest.mark.parametrize(
    ("norm", "smaller", "shape"),
    [
        (nn.LayerNorm(6), nn.LayerNorm(4), (5, 3, 6)),
        (nn.LayerNorm(6, bias=False), nn.LayerNorm(4, bias=False), (5, 6)),
        (nn.RMSNorm(6), nn.RMSNorm(4), (5, 3, 6)),
        (nn.GroupNorm(2, 6), nn.GroupNorm(2, 4), (5, 6, 3, 2)),
        (nn.GroupNorm(1, 6), nn.GroupNorm(1, 4), (5, 6, 7)),
        (nn.GroupNorm(6, 6), nn.GroupNorm(4, 4), (5, 6, 3, 2)),
    ],
    ids=str,
)
def test_kept_entries_are_normalised_as_if_the_others_were_gone(norm, smaller, shape):
    torch.manual_seed(0)
    kept, axis = torch.tensor([1, 2, 3, 4]), 1 if isinstance(norm, nn.GroupNorm) else -1
    kept = torch.tensor([0, 2, 3, 4]) if isinstance(norm, nn.GroupNorm) else kept
    x = torch.randn(shape)
    for name, parameter in norm.named_parameters():
        parameter.data.uniform_(0.5, 1.5)
        smaller.get_parameter(name).data.copy_(parameter.data[kept])
    flags = torch.zeros(6, dtype=torch.bool).index_fill(0, kept, True)
    holder = nn.Module()
    holder.add_module("norm", norm)
    bake(holder, {"norm.weight": flags})
    norm.weight.data[~flags] = 0
    found = norm(x)
    torch.testing.assert_close(found.index_select(axis, kept), smaller(x.index_select(axis, kept)))
    assert not found.index_select(axis, torch.nonzero(~flags).flatten()).any()
    bake(holder, {})
    assert norm.baked is None


@pytest.mark.parametrize(
    ("before", "after", "now", "expected"),
    [
        ((2, 8, 4, 4), (2, 128), (2, 5, 4, 4), (2, 80)),  # flatten
        ((2, 16, 12), (2, 4, 4, 12), (2, 16, 6), (2, 4, 4, 6)),  # places taken apart, channels last
        ((2, 4, 4, 12), (2, 16, 12), (2, 4, 4, 6), (2, 16, 6)),
        ((2, 6, 8), (12, 8), (2, 6, 3), (12, 3)),  # a linear layer's rows
        ((2, 8), (2, 8, 1, 1), (2, 3), (2, 3, 1, 1)),
        ((2, 1, 8), (2, 8), (2, 1, 3), (2, 3)),
        ((2, 8, 9), (2, 72), (2, 8, 9), (2, 72)),
    ],
)
def test_a_size_written_into_a_reshape_is_put_right(before, after, now, expected):
    assert mended(before, after, now) == expected


def test_the_axis_of_the_samples_stays_as_long_as_it_is():
    assert mended((8, 8), (2, 32), (8, 4), 0) == (2, 16)  # four pictures each, side by side


def test_a_size_that_could_be_either_is_refused():
    with pytest.raises(BadModel, match="cannot be mended"):
        mended((2, 128), (2, 8, 16), (2, 64))
