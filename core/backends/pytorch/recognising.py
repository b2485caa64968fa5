"""Attention in a network's own code found: by its shape, then proved by trying it with fewer heads.

Between the linear layers of query, key and value and the one behind lies one softmax. The network's author may have
written the rest in any way: fused or apart, chunked, split or unbound, with a causal mask, scaled before or after,
with rotary positions. What counts is that the heads do not mix: with the rows of some heads gone and the sizes written
into the operations put right, the operations must give the other heads' part of what they gave, on noise.

Dosovitskiy et al. 2021 (arXiv:2010.11929) as timm writes it and Radford et al. 2019 as nanoGPT does are the models.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any

import torch
from torch import fx

from core.backends.pytorch.lanes import Lane, Shapes, Unclear, fewer, in_turn, lanes, number, sources
from core.backends.pytorch.regions import Region, check_apart, kind, products, regions
from core.backends.pytorch.running import Given
from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.tracing import FAILURES, Trace, close
from core.backends.pytorch.written_attention import Part, Projected, remember

_ROLES = ("query", "key", "value")


def recognise(module: fx.GraphModule, sizes: Sizes, example: Given) -> list[str]:
    """Remember every attention of the network that is written in its own code. Returns notes on those left alone.

    Args:
        module: The network, its layers lifted.
        sizes: Its shapes.
        example: A batch of the first of the sizes' batches.
    """
    places = regions(module)
    if not places:
        return []
    wanted = {leaf for region in places for leaf in region.leaves}
    trace = Trace(module, example, lambda node: node in wanted)
    notes, found = [], []
    known: dict[str, _Measured] = {}
    for region in places:
        try:
            found.append(_attention(module, region, sizes, trace, known))
        except (Unclear, *FAILURES) as err:
            reason = err if isinstance(err, Unclear) else "its operations are not followed"
            notes.append(f'The heads of the attention before "{region.call.target}" are not cut: {reason}.')
    remember(module, tuple(found))
    return notes


def _attention(
    module: fx.GraphModule, region: Region, sizes: Sizes, trace: Trace, known: dict[str, "_Measured"]
) -> Projected:
    """What the region is. Blocks that are built alike are measured once.

    Raises:
        Unclear: It is none whose heads could be cut.
    """
    check_apart(module, region, sizes)
    alike = kind(region, sizes.first)
    if alike not in known:
        known[alike] = _measured(module, region, sizes.first, trace)
    paths = [str(node.target) for node in region.projections]
    query, key, value = (Part(paths[rows.index], rows.start, rows.stop) for rows in known[alike].rows)
    takes = {str(node.target): node.all_input_nodes[0].name for node in region.projections}
    out = str(region.call.target)
    return Projected(
        name=_name(module, (query, key, value), out),
        width=(query.stop - query.start) // known[alike].heads,
        parts=(query, key, value),
        inputs=(takes[query.path], takes[key.path], takes[value.path]),
        anchor=region.anchor.name,
        inside=frozenset(node.name for node in region.inside),
        out=out,
        call=region.call.name,
    )


@dataclass(frozen=True)
class _Rows:
    """Rows of the region's linear layer of that index."""

    index: int
    start: int
    stop: int


@dataclass(frozen=True)
class _Measured:
    """How many heads, and the rows that are query, key and value."""

    heads: int
    rows: tuple[_Rows, _Rows, _Rows]


def _measured(module: fx.GraphModule, region: Region, shapes: Shapes, trace: Trace) -> _Measured:
    factors = products(region)
    width = shapes[factors[2].name][-1]
    inner = module.get_submodule(str(region.call.target)).in_features
    if not isinstance(inner, int) or inner % width:
        raise Unclear("it has no heads of equal width")
    trial = _Trial(region, shapes, trace)
    rows = _parts(region, trial, factors, inner // width)
    if inner == width:  # one head stays whatever happens
        return _Measured(1, rows)
    paths = [str(node.target) for node in region.projections]
    parts = [Part(paths[each.index], each.start, each.stop) for each in rows]
    found = lanes(region.inside, sources(region.inside, parts, inner // width, shapes), shapes)
    _prove(region, trial, found, inner // width)
    return _Measured(inner // width, rows)


class _Trial:
    """The region carried out on noise."""

    def __init__(self, region: Region, shapes: Shapes, trace: Trace) -> None:
        self.region, self.shapes = region, shapes
        generator = torch.Generator().manual_seed(11)
        self.noise = {node.name: torch.randn(shapes[node.name], generator=generator) for node in region.projections}
        self.given: dict[fx.Node, Any] = {
            leaf: trace.values[leaf] if shapes.get(leaf.name) is not None else number(leaf, shapes)
            for leaf in region.leaves
        }

    def __call__(
        self, start: Mapping[str, torch.Tensor], arguments: Mapping[str, tuple[Any, ...]] | None = None
    ) -> dict[fx.Node, Any]:
        """Every value inside, from those of the linear layers; ``arguments`` take the place of nodes' own."""
        values = {**self.given, **{node: start[node.name] for node in self.region.projections}}
        try:
            with torch.no_grad():
                for node in self.region.inside:
                    if node not in values and node.op == "call_module":  # dropout, evaluating
                        values[node] = values[node.args[0]]  # type: ignore[index]
                    elif node not in values:
                        args = (arguments or {}).get(node.name, node.args)
                        filled = fx.node.map_arg((args, node.kwargs), values.__getitem__)
                        values[node] = node.target(*filled[0], **filled[1])  # type: ignore[operator]
        except FAILURES as err:
            raise Unclear("its operations do not go with fewer heads") from err
        return values

    def context(self, values: Mapping[fx.Node, Any]) -> torch.Tensor:
        """What the linear layer behind takes."""
        found: torch.Tensor = values[self.region.call.args[0]]  # type: ignore[index]
        return found


def _parts(region: Region, trial: _Trial, factors: tuple[fx.Node, ...], heads: int) -> tuple[_Rows, _Rows, _Rows]:
    """Which rows are query, key and value: what changes when they do."""
    dense = trial(trial.noise)
    found: dict[str, _Rows] = {}
    widths = [trial.noise[node.name].shape[-1] for node in region.projections]
    for index, (node, features, share) in enumerate(zip(region.projections, widths, _shares(widths), strict=True)):
        rows = features // share
        if rows * share != features or rows % heads:
            raise Unclear("query, key and value have heads of different numbers")
        for start in range(0, features, rows):
            other = trial.noise[node.name].clone()
            other[..., start : start + rows] += 1.0
            values = trial({**trial.noise, node.name: other})
            changed = [role for role, each in zip(_ROLES, factors, strict=True)
                       if not torch.equal(values[each], dense[each])]  # fmt: skip
            if len(changed) != 1 or changed[0] in found:
                raise Unclear("query, key and value are not apart")
            found[changed[0]] = _Rows(index, start, start + rows)
    return found["query"], found["key"], found["value"]


def _shares(widths: list[int]) -> list[int]:
    """How many of query, key and value each linear layer makes."""
    if len(widths) == 1:
        return [3]
    if len(widths) == 2:
        return [1, 2] if widths[0] < widths[1] else [2, 1]
    return [1, 1, 1]


def _prove(region: Region, trial: _Trial, found: Mapping[str, Any], heads: int) -> None:
    """With some heads gone the others' part of the context is what it was.

    Raises:
        Unclear: It is not.
    """
    given = region.call.args[0]
    behind = found.get(given.name) if isinstance(given, fx.Node) else None
    wanted = trial.context(trial(trial.noise))
    if not isinstance(behind, Lane) or behind.axis != wanted.dim() - 1:
        raise Unclear("its heads are not side by side before the linear layer behind it")
    if not torch.equal(behind.heads, in_turn(heads, len(behind.heads))):
        raise Unclear("its heads are not in order before the linear layer behind it")
    for kept in _choices(heads):
        arguments = {node.name: fewer(node, found, kept, trial.shapes) for node in region.inside}
        start = {name: noise[..., kept[found[name].heads]] for name, noise in trial.noise.items()}
        if not close(trial.context(trial(start, arguments)), wanted[..., kept[behind.heads]]):
            raise Unclear("its heads are not computed apart from each other")


def _choices(heads: int) -> Iterator[torch.Tensor]:
    """Heads that stay: such that every two are told apart at least once, the first alone, and all but one."""
    numbers = torch.arange(heads)
    for bit in range((heads - 1).bit_length()):
        one = (numbers >> bit) % 2 == 0
        yield from (one, ~one)
    yield numbers != heads - 1


def _name(module: fx.GraphModule, parts: tuple[Part, ...], out: str) -> str:
    """The smallest folder that holds its linear layers and no other weights; else the query's layer."""
    paths = [part.path for part in parts]
    own = {*paths, out}
    for several in ([*paths, out], paths):
        folder = _folder(several)
        if folder and all(
            name.rpartition(".")[0] in own for name, _ in module.named_parameters() if name.startswith(f"{folder}.")
        ):
            return folder
    return paths[0]


def _folder(paths: list[str]) -> str:
    """What all paths lie in; one of them where the others lie in it."""
    shared = commonprefix([path.split(".") for path in paths])
    return ".".join(shared) if len(set(paths)) > 1 else ""
