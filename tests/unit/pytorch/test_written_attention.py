"""Attention in a network's own code: heads found, cut and counted; what mixes heads stays whole and says why."""

import warnings
from math import log, sqrt

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from core.backends._base import Batch
from core.backends.pytorch import BACKEND
from core.decisions import cuts, decide
from core.groups import groups
from core.layers import layers
from core.measures.macs import by_layer
from core.plan import DataChoice, Plan, Recovery
from core.pruning import pools

HALF = Plan("-", DataChoice("-"), criterion="random", structure="removable", allocation="uniform", sparsity=0.5)


class Fused(nn.Module):
    """As timm writes it: one layer for all three, unbound; the products in full, dropout between."""

    def __init__(self):
        super().__init__()
        self.qkv, self.drop, self.proj = nn.Linear(8, 24), nn.Dropout(0.1), nn.Linear(8, 8)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 4, 2).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((q * 2**-0.5) @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((self.drop(weights) @ v).transpose(1, 2).reshape(n, t, c))


class Causal(nn.Module):
    """As nanoGPT writes it: one layer split by a literal, nobody looks ahead."""

    def __init__(self, flash=True):
        super().__init__()
        self.c_attn, self.c_proj, self.flash = nn.Linear(8, 24), nn.Linear(8, 8, bias=False), flash
        self.register_buffer("bias", torch.tril(torch.ones(6, 6)).view(1, 1, 6, 6))

    def forward(self, x):
        n, t, c = x.size()
        q, k, v = (part.view(n, t, 4, c // 4).transpose(1, 2) for part in self.c_attn(x).split(8, dim=2))
        if self.flash:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (1 / sqrt(k.size(-1)))
            y = F.softmax(scores.masked_fill(self.bias[:, :, :t, :t] == 0, float("-inf")), dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(n, t, c))


class Rotary(nn.Module):
    """Three layers, positions turned into query and key, heads that together are wider than the network."""

    def __init__(self):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(8, 16, bias=False) for _ in range(3))
        self.o_proj = nn.Linear(16, 8, bias=False)
        angles = torch.outer(torch.arange(6.0), torch.tensor([1.0, 0.1])).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def turned(self, x):
        first, second = x.chunk(2, -1)
        return x * self.cos + torch.cat([-second, first], -1) * self.sin

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = (each(x).view(n, t, 4, -1).transpose(1, 2) for each in (self.q_proj, self.k_proj, self.v_proj))
        y = F.scaled_dot_product_attention(self.turned(q), self.turned(k), v)
        return self.o_proj(y.transpose(1, 2).reshape(n, t, -1))


class Biased(Fused):
    """A number learned for each head and pair, as in Swin."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.rand(4, 6, 6))

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 4, 2).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj((F.softmax(q @ k.transpose(-2, -1) + self.table, -1) @ v).transpose(1, 2).reshape(n, t, c))


class Talking(Fused):
    """Heads that see each other's weights."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mix", torch.rand(4, 4))

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 4, 2).permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.einsum("nhij,hg->ngij", (q @ k.transpose(-2, -1)).softmax(-1), self.mix)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, t, c))


class Shown(Fused):
    """Its weights are used by what follows."""

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 4, 2).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, t, c)) + weights.mean((1, 3))[..., None]


class Blocks(nn.Module):
    """One attention after the other around one stream."""

    def __init__(self, *attentions):
        super().__init__()
        self.stem, self.norm, self.fc = nn.Linear(5, 8), nn.LayerNorm(8), nn.Linear(8, 3)
        self.attn = nn.ModuleList(attentions)

    def forward(self, x):
        x = self.stem(x)
        for attention in self.attn:
            x = x + attention(self.norm(x))
        return self.fc(x.mean(1))


def test_heads_are_cut_and_what_is_left_computes_the_same_and_is_understood_again(opened, batch_of, tmp_path):
    torch.manual_seed(0)
    model = opened(Blocks(Fused(), Causal(), Causal(flash=False), Rotary()), (6, 5))
    assert not model.notes
    found = {group.name: (group.kind, group.channels, group.cuttable) for group in groups(model.graph())}
    assert found == {"stem": ("channel", 8, True)} | {f"attn.{i}.heads": ("head", 4, True) for i in range(4)}
    decision = decide(pools(model, HALF, None), HALF, model.graph())
    x = batch_of((6, 5))
    masked = model.predict(x, decision.masks)
    smaller = model.masked(decision.masks).cut(cuts(model.graph(), decision))
    np.testing.assert_allclose(smaller.predict(x), masked, atol=1e-5 * max(1, np.abs(masked).max()))
    assert {group.name: group.channels for group in groups(smaller.graph())} == {
        name: channels // 2 for name, (_, channels, _) in found.items()
    }
    smaller.trainer(Recovery(), {}, 0).epoch(x, np.zeros(len(x), np.int64), 0, 1e-3)
    path = smaller.save(tmp_path / "smaller.pt2")
    again = torch.export.load(path).module()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(again, smaller.predict(x), atol=1e-6)
    assert BACKEND.load(path).arrays().keys() == model.arrays().keys()


def test_heads_that_do_not_stand_alone_are_zeroed_only_and_it_says_why(opened):
    model = opened(Blocks(Biased(), Talking(), Shown()), (6, 5))
    notes = [note for note in model.notes if "heads of the attention" in note]
    reasons = (
        'what comes from "attn.0.table" takes part in it',
        "query, key and value are not apart",
        "values inside of it are used elsewhere too",
    )
    assert len(notes) == len(reasons)
    assert all(reason in note for reason, note in zip(reasons, notes, strict=True))
    rows = {group.name: group for group in groups(model.graph())}
    for index in range(3):
        assert not rows[f"attn.{index}.qkv"].cuttable
        assert "is taken apart by" in rows[f"attn.{index}.qkv"].reason


class Hand(nn.Module):
    """Two heads of width two. The first scores the keys by their first feature times ln 3, the second all alike."""

    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(4, 12), nn.Linear(4, 2, bias=False)
        with torch.no_grad():
            self.qkv.weight.zero_()
            self.qkv.bias.zero_()
            self.qkv.bias[0] = sqrt(2) * log(3)  # the query of head 0; sqrt(2) is undone by the scale
            self.qkv.weight[4, 0] = 1.0  # its key: the first feature
            self.qkv.weight[8:] = torch.eye(4)  # the values: what comes in
            self.proj.weight.copy_(torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 1]]))

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 2, 2).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, 4))[:, 0]


def test_two_heads_by_hand(write, tmp_path):
    """Scores ln 3 and 0 give 3/4 and 1/4: head 0 makes 3/4 (1, 4) + 1/4 (0, 8) = (0.75, 5), head 1 the mean (3, 4).

    Multiply-adds: 2 tokens x 12 rows x 4, 2 x 2 rows x 4 behind, 4 pairs x (4 + 4) for the two products.
    """
    model = BACKEND.load(write(Hand(), (2, 4), tmp_path / "hand.pt2"))
    x = np.array([[[1, 4, 2, 6], [0, 8, 4, 2]]], np.float32)
    np.testing.assert_allclose(model.predict(x), [[3.75, 9.0]], rtol=1e-6)
    assert by_layer(model.graph()) == {"qkv": 96 + 16 + 32}
    (layer,) = layers(model)
    shapes = {weight.role: weight.shape for weight in layer.weights}
    assert shapes == {"query": (4, 4), "key": (4, 4), "value": (4, 4), "out": (2, 4)}
    (heads,) = (group for group in groups(model.graph()) if group.kind == "head")
    keep = {0: [[0.75, 5.0]], 1: [[3.0, 4.0]]}
    for kept, wanted in keep.items():
        left = {(m.array, m.axis): np.flatnonzero(m.channel == kept) for m in heads.members}
        smaller = model.cut(left)
        np.testing.assert_allclose(smaller.predict(x), wanted, rtol=1e-6)
        tensors = {name: tuple(tensor.shape) for name, tensor in smaller.module.named_parameters()}
        assert tensors == {"qkv.weight": (6, 4), "qkv.bias": (6,), "proj.weight": (2, 2)}
        assert by_layer(smaller.graph()) == {"qkv": 72}


def test_its_weights_are_scored_like_those_of_any_attention(opened, batch_of):
    """What flows through it and the squares of single samples' gradients, against samples one by one."""
    model = opened(Blocks(Fused()), (6, 5))
    x, y = batch_of((6, 5))[:3], np.array([0, 1, 2])
    (node,) = (node for node in model.graph().nodes if node.op == "attention")
    tap = next(model.taps([Batch(x, y)], [node.name, f"{node.name}:context"]))
    out, bias = model.arrays()["attn.0.out"], model.arrays()["attn.0.out_bias"]
    np.testing.assert_allclose(tap[f"{node.name}:context"].value @ out.T + bias, tap[node.name].value, atol=1e-6)
    squares = next(model.squared_gradients([Batch(x, y)]))
    single = [next(model.gradients([Batch(x[i : i + 1], y[i : i + 1])])) for i in range(3)]
    for role in ("query", "key", "value", "out"):
        wanted = sum(np.square(each[f"attn.0.{role}"]) for each in single) / 3
        np.testing.assert_allclose(squares[f"attn.0.{role}"], wanted, atol=1e-5 * wanted.max())


def test_attention_in_an_onnx_file_is_found_again(tmp_path, batch_of):
    """``nn.MultiheadAttention`` as the exporter writes it: samples second, folded into the heads and out again."""
    torch.manual_seed(0)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.whole = nn.MultiheadAttention(8, 4, batch_first=True)
            nn.init.normal_(self.whole.in_proj_bias)

        def forward(self, x):
            return self.whole(x, x, x, need_weights=False)[0]

    path = tmp_path / "whole.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes of the exporter
        torch.onnx.export(
            Blocks(Whole()).eval(), (torch.zeros(2, 6, 5),), path, dynamo=False, opset_version=17,
            input_names=["x"], dynamic_axes={"x": {0: "batch"}},
        )  # fmt: skip
    model = BACKEND.load(path)
    found = {group.name: (group.kind, group.channels, group.cuttable) for group in groups(model.graph())}
    assert found == {"stem": ("channel", 8, True), "attn.0.whole.heads": ("head", 4, True)}
    decision = decide(pools(model, HALF, None), HALF, model.graph())
    x = batch_of((6, 5))
    masked = model.predict(x, decision.masks)
    smaller = model.masked(decision.masks).cut(cuts(model.graph(), decision))
    np.testing.assert_allclose(smaller.predict(x), masked, atol=1e-5 * max(1, np.abs(masked).max()))
