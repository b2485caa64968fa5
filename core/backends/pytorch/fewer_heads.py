"""Heads taken out of attention that is written in a network's own code."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import fx

from core.backends._base import Cuts
from core.backends.pytorch.heads import PARTS
from core.backends.pytorch.lanes import Unclear, fewer, lanes, sources
from core.backends.pytorch.written_attention import Part, Projected, projected
from core.errors import BadModel


def fewer_heads(module: fx.GraphModule, cuts: Cuts, shapes: Mapping[str, Any]) -> tuple[Projected, ...]:
    """Put the sizes inside of every attention right, in place. Returns what the attentions will be.

    Args:
        module: A network of one's own, its tensors still whole.
        cuts: What will be left.
        shapes: Every value's shape while all heads are there.

    Raises:
        BadModel: The cuts leave parts of heads.
    """
    return tuple(_smaller(module, attention, cuts, shapes) for attention in projected(module))


def _smaller(module: fx.GraphModule, attention: Projected, cuts: Cuts, shapes: Mapping[str, Any]) -> Projected:
    rows = {role: cuts.get((f"{attention.name}.{role}", 0)) for role in PARTS}
    if all(kept is None for kept in rows.values()):
        return attention
    kept = torch.zeros(attention.heads, dtype=torch.bool)
    for role, part in zip(PARTS, attention.parts, strict=True):
        own, width = rows[role], (part.stop - part.start) // attention.heads
        left = torch.zeros(part.stop - part.start, dtype=torch.bool)
        left[slice(None) if own is None else torch.from_numpy(own)] = True
        by_head = left.reshape(attention.heads, width)
        if role == PARTS[0]:
            kept = by_head[:, 0].clone()
        if not bool((by_head == kept[:, None]).all()):
            raise BadModel(f'The attention "{attention.name}" must lose whole heads of query, key and value.')
    if bool(kept.all()):
        return attention
    _put_right(module, attention, kept, shapes)
    ends: dict[str, int] = {}
    smaller: dict[str, Part] = {}
    for role, part in sorted(zip(PARTS, attention.parts, strict=True), key=lambda pair: pair[1].start):
        start = ends.get(part.path, 0)
        ends[part.path] = start + (part.stop - part.start) // attention.heads * int(kept.sum())
        smaller[role] = Part(part.path, start, ends[part.path])
    query, key, value = (smaller[role] for role in PARTS)
    return replace(attention, parts=(query, key, value))


def _put_right(module: fx.GraphModule, attention: Projected, kept: torch.Tensor, shapes: Mapping[str, Any]) -> None:
    inside = [node for node in module.graph.nodes if node.name in attention.inside]
    try:
        found = lanes(inside, sources(inside, attention.parts, attention.heads, shapes), shapes)
        for node in inside:
            node.args = fewer(node, found, kept, shapes)
    except Unclear as err:
        raise BadModel(f'The attention "{attention.name}" cannot be cut: {err}.') from err
    module.recompile()


def fused(module: fx.GraphModule, cuts: Cuts) -> dict[tuple[str, int], torch.Tensor]:
    """Of tensors that hold several of query, key and value ``(tensor, axis) -> kept indices`` of the whole.

    Raises:
        BadModel: The parts of one tensor would have to lose different inputs.
    """
    found: dict[tuple[str, int], torch.Tensor] = {}
    for attention in projected(module):
        for path in dict.fromkeys(part.path for part in attention.parts):
            own = [(role, part) for role, part in zip(PARTS, attention.parts, strict=True) if part.path == path]
            if len(own) > 1:
                own.sort(key=lambda pair: pair[1].start)
                found |= _fused(attention.name, path, own, cuts)
    return found


def _fused(name: str, path: str, own: list[tuple[str, Part]], cuts: Cuts) -> dict[tuple[str, int], torch.Tensor]:
    found: dict[tuple[str, int], torch.Tensor] = {}
    for leaf, ending in (("weight", ""), ("bias", "_bias")):
        rows = [cuts.get((f"{name}.{role}{ending}", 0)) for role, _ in own]
        if any(kept is not None for kept in rows):
            pieces = [
                torch.arange(part.start, part.stop) if kept is None else torch.from_numpy(kept) + part.start
                for kept, (_, part) in zip(rows, own, strict=True)
            ]
            found[f"{path}.{leaf}", 0] = torch.cat(pieces)
    columns = [cuts.get((f"{name}.{role}", 1)) for role, _ in own]
    if columns[0] is not None:
        found[f"{path}.weight", 1] = torch.from_numpy(columns[0])
    first = None if columns[0] is None else columns[0].tolist()
    if any((None if kept is None else kept.tolist()) != first for kept in columns):
        raise BadModel(f'Query, key and value of "{name}" are one layer: they take the same inputs.')
    return found
