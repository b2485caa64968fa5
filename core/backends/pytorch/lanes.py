"""Where the heads of an attention lie in every value between its linear layers, and literals for fewer heads.

One axis of each value holds the heads. Operations that only move entries about are carried out on the numbers of the
heads themselves, so whatever they do is followed exactly; of the others the axis is told from the shapes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from core.backends.pytorch.operators import bound, short_name
from core.backends.pytorch.written_attention import Part

Shapes = Mapping[str, Any]

#: Operations that move entries about and change none.
_MOVES = frozenset(
    [
        "view",
        "reshape",
        "_unsafe_view",
        "flatten",
        "unflatten",
        "unsqueeze",
        "squeeze",
        "permute",
        "transpose",
        "t",
        "contiguous",
        "clone",
        "detach",
        "alias",
        "expand",
        "chunk",
        "split",
        "split_with_sizes",
        "unbind",
        "select",
        "slice",
        "movedim",
        "swapaxes",
        "narrow",
    ]
)
_VIEWS = {"view": 1, "reshape": 1, "_unsafe_view": 1, "expand": 1, "unflatten": 2}
_INTEGERS: Mapping[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "floordiv": lambda a, b: a // b,
}  # fmt: skip


class Unclear(Exception):  # noqa: N818 - a signal, not an error
    """The heads cannot be followed; the text says where."""


@dataclass(frozen=True)
class Lane:
    """The axis of a value that holds the heads, and the head that each of its indices belongs to."""

    axis: int
    heads: torch.Tensor


def in_turn(heads: int, entries: int) -> torch.Tensor:
    """The head that each entry belongs to where one comes after the other."""
    return torch.arange(heads, dtype=torch.int32).repeat_interleave(entries // heads)


def sources(inside: list[fx.Node], parts: Sequence[Part], heads: int, shapes: Shapes) -> dict[str, Lane]:
    """The lanes of the results of the linear layers of query, key and value."""
    found = {}
    for path in dict.fromkeys(part.path for part in parts):
        node = next(node for node in inside if node.op == "call_module" and node.target == path)
        own = sorted((part for part in parts if part.path == path), key=lambda part: part.start)
        numbers = [in_turn(heads, part.stop - part.start) for part in own]
        found[node.name] = Lane(len(shapes[node.name]) - 1, torch.cat(numbers))
    return found


def lanes(inside: list[fx.Node], sources: Mapping[str, Lane], shapes: Shapes) -> dict[str, Any]:
    """By name of a node its lane; of a node with several results a tuple of them.

    Args:
        inside: The nodes in order, the linear layers' calls among them.
        sources: The lanes of the linear layers' results.
        shapes: Every value's shape by node name.

    Raises:
        Unclear: A value mixes heads, or has them on several axes.
    """
    found: dict[str, Any] = dict(sources)
    for node in inside:
        if node.name in found or shapes.get(node.name) is None:
            continue
        name = short_name(node.target)
        if name == "getitem":
            found[node.name] = found[node.args[0].name][node.args[1]]  # type: ignore[union-attr,index]
        elif name in _MOVES:
            found[node.name] = _moved(node, found, shapes)
        elif name in ("cat", "concat"):
            found[node.name] = _joined(node, found, shapes)
        elif name == "einsum":
            found[node.name] = _summed(node, found)
        else:
            found[node.name] = _computed(node, found, shapes)
    return found


def number(value: Any, shapes: Shapes) -> Any:
    """An argument that is a number, worked out from shapes."""
    if isinstance(value, list | tuple):
        return [number(item, shapes) for item in value]
    if not isinstance(value, fx.Node):
        return value
    name = short_name(value.target)
    if name == "sym_size":
        return shapes[str(value.args[0])][value.args[1]]
    if name in _INTEGERS:
        first, second = (number(argument, shapes) for argument in value.args)
        return _INTEGERS[name](first, second)
    raise Unclear(f"a size is worked out by {name}")


def _moved(node: fx.Node, found: Mapping[str, Any], shapes: Shapes) -> Any:
    source = node.args[0]
    assert isinstance(source, fx.Node)  # of every operation that moves entries
    lane = _known(found, source)
    shape = shapes[source.name]
    numbers = lane.heads.reshape([-1 if axis == lane.axis else 1 for axis in range(len(shape))]).expand(shape)
    if short_name(node.target) in ("view", "_unsafe_view"):  # these look at how the numbers lie in memory
        numbers = numbers.contiguous()
    moved = node.target(numbers, *(number(argument, shapes) for argument in node.args[1:]), **node.kwargs)  # type: ignore[operator]
    if isinstance(moved, torch.Tensor):
        return _lane(moved, node)
    return tuple(_lane(each, node) for each in moved)


def _lane(numbers: torch.Tensor, node: fx.Node) -> Lane:
    for axis in range(numbers.dim()):
        along = numbers[tuple(slice(None) if a == axis else 0 for a in range(numbers.dim()))]
        shape = [-1 if a == axis else 1 for a in range(numbers.dim())]
        if len(along) > 1 and int(along.min()) < int(along.max()) and bool((numbers == along.reshape(shape)).all()):
            return Lane(axis, along.clone())
    raise Unclear(f"the heads lie on several axes after {node.name}")


def _known(found: Mapping[str, Any], node: fx.Node) -> Lane:
    lane = found.get(node.name)
    if not isinstance(lane, Lane):
        raise Unclear(f"the heads cannot be followed into {node.name}")
    return lane


def _joined(node: fx.Node, found: Mapping[str, Any], shapes: Shapes) -> Lane:
    arguments = bound(node)
    parts = [_known(found, each) for each in arguments["tensors"]]
    axis = arguments["dim"] % len(shapes[node.name])
    if any(part.axis != parts[0].axis for part in parts):
        raise Unclear(f"{node.name} joins heads on different axes")
    if axis == parts[0].axis:
        return Lane(axis, torch.cat([part.heads for part in parts]))
    return _agreed(parts, node)


def _agreed(parts: list[Lane], node: fx.Node) -> Lane:
    if not parts or any(p.axis != parts[0].axis or not torch.equal(p.heads, parts[0].heads) for p in parts):
        raise Unclear(f"{node.name} brings different heads together")
    return parts[0]


def _computed(node: fx.Node, found: Mapping[str, Any], shapes: Shapes) -> Lane:
    """Entry by entry or as matrices: the axes are matched from the right, as broadcasting does."""
    shape = shapes[node.name]
    if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
        raise Unclear(f"{node.name} has several results")
    parts = []
    for source in node.all_input_nodes:
        lane = found.get(source.name)
        if lane is None:
            continue
        axis = _known(found, source).axis + len(shape) - len(shapes[source.name])
        if axis < 0 or shape[axis] != len(lane.heads):
            raise Unclear(f"{node.name} mixes heads")
        parts.append(Lane(axis, lane.heads))
    return _agreed(parts, node)


def _summed(node: fx.Node, found: Mapping[str, Any]) -> Lane:
    """An Einstein sum: the heads' letter."""
    equation, operands = str(node.args[0]).replace(" ", ""), node.args[1]
    given, arrow, result = equation.partition("->")
    if not arrow or "." in equation:
        raise Unclear(f"{node.name} is written in a form that is not followed")
    parts = []
    for letters, operand in zip(given.split(","), operands, strict=True):  # type: ignore[arg-type]
        if operand.name in found:
            lane = _known(found, operand)
            parts.append(Lane(result.find(letters[lane.axis]), lane.heads))
    lane = _agreed(parts, node)
    if lane.axis < 0:
        raise Unclear(f"{node.name} mixes heads")
    return lane


def fewer(node: fx.Node, found: Mapping[str, Any], kept: torch.Tensor, shapes: Shapes) -> tuple[Any, ...]:
    """The node's arguments when only some heads are left.

    Args:
        node: A node inside.
        found: What :func:`lanes` gave.
        kept: For each head whether it stays.
        shapes: Every value's shape with all heads.

    Raises:
        Unclear: The sizes are written in a way that cannot be put right.
    """
    name, lane = short_name(node.target), found.get(node.name)
    if name in _VIEWS and isinstance(lane, Lane):
        return _resized(node, lane, kept)
    source = node.args[0] if node.args else None
    before = found.get(source.name) if isinstance(source, fx.Node) else None
    if not isinstance(source, fx.Node) or not isinstance(before, Lane):
        return node.args
    if name in ("split", "split_with_sizes") and bound(node)["dim"] % len(shapes[source.name]) == before.axis:
        sizes = [int(kept[each.heads].sum()) for each in found[node.name]]
        if name == "split" and len(set(sizes)) > 1:
            raise Unclear(f"{node.name} would have to make pieces of different sizes")
        return (source, sizes[0] if name == "split" else sizes, *node.args[2:])
    if name == "slice" and bound(node)["dim"] % len(shapes[source.name]) == before.axis:
        return _sliced(node, before, kept)
    return node.args


def _resized(node: fx.Node, lane: Lane, kept: torch.Tensor) -> tuple[Any, ...]:
    name = short_name(node.target)
    position = _VIEWS[name]
    literal = list(node.args[position])  # type: ignore[arg-type]
    index = lane.axis
    if name == "unflatten":
        index -= int(node.args[1]) % (len(node.meta["shape"]) - len(literal) + 1)  # type: ignore[arg-type]
    size = int(kept[lane.heads].sum())
    if not 0 <= index < len(literal) or literal[index] == -1 or size == len(lane.heads):
        return node.args
    if isinstance(literal[index], fx.Node) and (-1 in literal or name == "expand"):
        raise Unclear(f"{node.name} has a size that cannot be put right")
    literal[index] = -1 if isinstance(literal[index], fx.Node) else size
    return (*node.args[:position], literal, *node.args[position + 1 :])


def _sliced(node: fx.Node, before: Lane, kept: torch.Tensor) -> tuple[Any, ...]:
    arguments = bound(node)
    if (arguments.get("step") or 1) != 1:
        raise Unclear(f"{node.name} takes every so many entries")
    start, stop, _ = slice(arguments["start"], arguments["end"]).indices(len(before.heads))
    first, last = (int(kept[before.heads[:end]].sum()) for end in (start, stop))
    return (node.args[0], arguments["dim"], first, last)
