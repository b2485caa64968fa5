"""Multi-head attention, whole again from the operations it was traced into.

The traced operations of one call are found by the module stack. A candidate ``nn.MultiheadAttention`` is built around
the same parameters, and taken only if it gives on the trial batch what the operations gave.
"""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import fx, nn

from core.backends.pytorch.heads import PARTS, HeadAttention
from core.backends.pytorch.operators import short_name
from core.backends.pytorch.plain import sweep
from core.backends.pytorch.tracing import FAILURES, Trace, close

_CLASSES = ("torch.nn.modules.activation.MultiheadAttention", f"{HeadAttention.__module__}.{HeadAttention.__name__}")
_OWN = ("in_proj_weight", "in_proj_bias", "q_proj_weight", "k_proj_weight", "v_proj_weight", "bias_k", "bias_v",
        *(f"{part}_{leaf}" for part in PARTS for leaf in ("weight", "bias")))  # fmt: skip


@dataclass(frozen=True)
class _Region:
    """The operations of one call, what they take from outside, and which of their values are used outside."""

    nodes: tuple[fx.Node, ...]
    inputs: tuple[fx.Node, ...]
    outputs: tuple[fx.Node, ...]
    folder: str


def attention_key(node: fx.Node) -> str | None:
    """Which call of which attention module the node was traced in."""
    return next((key for key, _, kind in node.meta.get("modules", ()) if kind in _CLASSES), None)


def borders_attention(node: fx.Node) -> bool:
    """Whether lifting attention will want the node's value: it enters or leaves such a call."""
    key = attention_key(node)
    return any(attention_key(user) != key for user in node.users)


def lift_attention(module: fx.GraphModule, trace: Trace) -> list[str]:
    """Replace every traced call by its module, in place. Returns notes on those left as they are."""
    notes: list[str] = []
    by_key: dict[str, list[fx.Node]] = {}
    for node in module.graph.nodes:
        key = attention_key(node)
        if key is not None and node.op == "call_function":
            by_key.setdefault(key, []).append(node)
    for key, nodes in by_key.items():
        region = _region(nodes)
        if region is None or not _lift(module, region, trace):
            notes.append(f'The attention "{key.rpartition("__")[2]}" was not recognised: computed as it is.')
    return notes


def _region(nodes: list[fx.Node]) -> _Region | None:
    inside = set(nodes)
    inputs: dict[fx.Node, None] = {}
    folders = set()
    for node in nodes:
        for source in node.all_input_nodes:
            if source in inside:
                continue
            folder, _, leaf = str(source.target).rpartition(".")
            if source.op == "get_attr" and leaf in _OWN:
                folders.add(folder)
            elif source.op == "get_attr" and folder.endswith("out_proj"):
                folders.add(folder.rpartition(".")[0])
            elif source.meta.get("shape") is not None:
                inputs[source] = None
    used = (node for node in nodes if any(user not in inside for user in node.users))
    outputs = tuple(node for node in used if node.meta.get("shape") is not None)  # sizes are shared between calls
    if len(folders) != 1 or not outputs or len(outputs) > 2 or not folders - {""}:
        return None
    masks_last = sorted(inputs, key=lambda node: len(node.meta["shape"]) < 3)  # a mask of booleans is made ready first
    return _Region(tuple(nodes), tuple(masks_last), outputs, folders.pop())


def _lift(module: fx.GraphModule, region: _Region, trace: Trace) -> bool:
    holder = module.get_submodule(region.folder)
    if any(node not in trace.values for node in (*region.inputs, *region.outputs)):
        return False
    for batch_first in _likely(region):
        built = holder if isinstance(holder, nn.MultiheadAttention) else _build(holder, region, batch_first)
        if built is None:
            return False
        for roles in _roles(region):
            found = _order(built, region, roles, trace)
            if found is not None:
                module.add_submodule(region.folder, built)
                _replace(module, region, roles, found)
                return True
    return False


def _likely(region: _Region) -> tuple[bool, bool]:
    """Whether the batch comes first, the likelier answer first: then the query is transposed at once."""
    first = any(
        short_name(node.target) == "transpose" and node.args[0] in region.inputs and set(node.args[1:]) == {0, 1}
        for node in region.nodes
    )
    return first, not first


def _build(holder: nn.Module, region: _Region, batch_first: bool) -> nn.MultiheadAttention | None:
    tensors = dict(holder.named_parameters())
    projection = tensors.get("out_proj.weight")
    width = _head_width(region)
    if width and "query_weight" in tensors and not tensors["query_weight"].shape[0] % width:
        heads = tensors["query_weight"].shape[0] // width
        made = HeadAttention(heads, width, batch_first, bias="query_bias" in tensors, device="meta")
        return _filled(made, tensors)
    if projection is None or not width or projection.shape[0] % width:
        return None
    embed = projection.shape[0]
    separate = "in_proj_weight" not in tensors
    built = nn.MultiheadAttention(
        embed,
        embed // width,
        bias="in_proj_bias" in tensors,
        add_bias_kv="bias_k" in tensors,
        kdim=tensors["k_proj_weight"].shape[1] if separate and "k_proj_weight" in tensors else None,
        vdim=tensors["v_proj_weight"].shape[1] if separate and "v_proj_weight" in tensors else None,
        batch_first=batch_first,
        device="meta",
    )
    return _filled(built, tensors)


def _filled(built: nn.MultiheadAttention, tensors: dict[str, nn.Parameter]) -> nn.MultiheadAttention | None:
    if {name for name, _ in built.named_parameters()} != set(tensors):
        return None
    for name, tensor in tensors.items():
        folder, _, leaf = name.rpartition(".")
        setattr(built.get_submodule(folder), leaf, tensor)
    return built.eval()


def _head_width(region: _Region) -> int | None:
    for node in region.nodes:
        if short_name(node.target) in ("scaled_dot_product_attention", "bmm", "baddbmm", "matmul"):
            query = node.args[1 if short_name(node.target) == "baddbmm" else 0]
            shape = query.meta.get("shape") if isinstance(query, fx.Node) else None
            return int(shape[-1]) if shape else None
    return None


#: Indices into the region's inputs: query, key, value; then the masks by keyword.
_Roles = tuple[tuple[int, int, int], dict[str, int]]


def _roles(region: _Region) -> Iterator[_Roles]:
    """Which input may be query, key, value and mask, the likeliest first."""
    count = len(region.inputs)
    for tensors in range(min(3, count), 0, -1):
        rest = tuple(range(tensors, count))
        triples = [(q, k, v) for q, k, v in product(range(tensors), repeat=3) if {q, k, v} == set(range(tensors))]
        triples.sort(key=lambda t: (t[0] != 0, t[1] != t[2], t))
        for names in (("attn_mask",), ("key_padding_mask",), ("attn_mask", "key_padding_mask")):
            for triple in triples:
                if len(rest) == len(names):
                    yield triple, dict(zip(names, rest, strict=True))
        if not rest:
            yield from ((triple, {}) for triple in triples)


def _order(built: nn.MultiheadAttention, region: _Region, roles: _Roles, trace: Trace) -> list[int] | None:
    """For each output of the region, which result of the module it is; None if the module gives something else."""
    (query, key, value), masks = roles
    values = [trace.values[node] for node in region.inputs]
    try:
        with torch.no_grad():
            results = built(values[query], values[key], values[value], **{n: values[i] for n, i in masks.items()})
    except FAILURES:
        return None
    found = []
    for node in region.outputs:
        wanted = trace.values[node]
        match = next((i for i, result in enumerate(results) if close(wanted, result)), None)
        if match is None:
            return None
        found.append(match)
    return found


def _replace(module: fx.GraphModule, region: _Region, roles: _Roles, results: list[int]) -> None:
    (query, key, value), masks = roles
    inputs = tuple(region.inputs[index] for index in (query, key, value))
    keywords: dict[str, Any] = {name: region.inputs[index] for name, index in masks.items()}
    keywords["need_weights"] = 1 in results
    with module.graph.inserting_before(region.outputs[0]):
        call = module.graph.call_module(region.folder, inputs, keywords)
        call.meta = dict(region.outputs[0].meta)
        for node, index in zip(region.outputs, results, strict=True):
            result = module.graph.call_function(operator.getitem, (call, index))
            result.meta = dict(node.meta)
            node.replace_all_uses_with(result)
    sweep(module.graph)
