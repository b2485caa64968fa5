"""Layer normalisations and activations that an exporter wrote out in many operations, made one again.

They are written in many ways, so they are found by trying: around every square root (or erf, tanh, sigmoid) the
operations between two values are carried out on noise, and so is what they could be. What gives the same is that.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import torch
from torch.nn import functional

from core.backends.pytorch.onnx_arguments import turn
from core.backends.pytorch.onnx_writing import Flow, Known, Writer, known, taken
from core.backends.pytorch.operators import constant, find
from core.backends.pytorch.program import Call, Ref, Tagged
from core.backends.pytorch.tracing import FAILURES, close

#: How far the values lie from the operation they are looked for around, and how many operations lie between them.
_REACH = 9
_MOST_CALLS = 30
_MOST_ANCHORS = 400
_MOST_ENTRIES = 1 << 22
_CURVES: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": functional.gelu,
    "gelu tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
    "mish": functional.mish,
}
_ANCHORS = {"sqrt": "norm", "rsqrt": "norm", "erf": "curve", "tanh": "curve", "sigmoid": "curve"}
#: What may lie between: operations on every entry, averages, and what moves entries about.
_BETWEEN = frozenset(
    ("add", "sub", "rsub", "mul", "div", "neg", "pow", "square", "sqrt", "rsqrt", "reciprocal", "mean", "sum", "erf")
    + ("tanh", "sigmoid", "exp", "log1p", "softplus", "permute", "reshape", "squeeze", "unsqueeze")
)


@dataclass(frozen=True)
class _Norm:
    """A layer normalisation over one axis; ``order`` permutes its result."""

    axis: int
    epsilon: float
    scale: str | None
    shift: str | None
    order: tuple[int, ...]


def fuse(w: Writer) -> None:
    """Put one operation in the place of the last of many, in place; the others are swept if nobody takes them."""
    anchors = [(call, _ANCHORS[_short(call)]) for call in w.calls if _short(call) in _ANCHORS]
    for call, kind in anchors[:_MOST_ANCHORS]:
        view = _View(w)
        if call.outputs[0] in view.maker:
            _around(w, view, call.outputs[0], kind)


def _short(call: Call) -> str:
    parts = call.target.split(".")
    return parts[3] if len(parts) > 3 else ""


class _View:
    """The calls by what they give and take."""

    def __init__(self, w: Writer) -> None:
        self.w = w
        self.maker = {name: index for index, call in enumerate(w.calls) for name in call.outputs}
        self.takers: dict[str, list[int]] = {}
        for index, call in enumerate(w.calls):
            for name in taken(call):
                self.takers.setdefault(name, []).append(index)

    def moves(self, name: str) -> bool:
        """Whether a value is another with its entries moved about."""
        return _short(self.w.calls[self.maker[name]]) in ("permute", "reshape", "squeeze", "unsqueeze")

    def before(self, name: str) -> list[str]:
        """Values that depend on the samples which ``name`` is worked out from, nearest first."""
        return self._reached(name, lambda each: [*taken(self.w.calls[self.maker[each]])] if each in self.maker else [])

    def after(self, name: str) -> list[str]:
        """Values worked out from ``name``, nearest first."""
        return self._reached(name, lambda each: [self.w.calls[index].outputs[0] for index in self.takers.get(each, [])])

    def _reached(self, name: str, neighbours: Callable[[str], list[str]]) -> list[str]:
        found, edge = {name: None}, [name]
        for _ in range(_REACH):
            edge = [each for one in edge for each in neighbours(one) if each in self.w.flows and each not in found]
            found.update(dict.fromkeys(edge))
        return [*found][1:]

    def between(self, start: str, end: str) -> list[Call] | None:
        """The calls that make ``end`` of ``start`` and stored tensors alone; None where there are no such."""
        wanted: set[int] = set()
        edge = [end]
        while edge:
            name = edge.pop()
            index = self.maker.get(name)
            if name == start or name in self.w.stored:
                continue
            if index is None or len(wanted) > _MOST_CALLS or _short(self.w.calls[index]) not in _BETWEEN:
                return None
            if index not in wanted:
                wanted.add(index)
                edge += taken(self.w.calls[index])
        return [self.w.calls[index] for index in sorted(wanted)]


def _around(w: Writer, view: _View, anchor: str, kind: str) -> None:
    ends = [*reversed(view.after(anchor))]
    ends.sort(key=view.moves)  # rather a value than the same turned about
    for start in view.before(anchor):
        flow = w.flows[start]
        if not flow.first.is_floating_point() or flow.rank < 2 or flow.first.numel() > _MOST_ENTRIES:
            continue
        for end in ends:
            calls = view.between(start, end)
            alike = sorted(w.flows[end].first.shape) == sorted(flow.first.shape)
            if not calls or not alike or not any(anchor in call.outputs for call in calls):
                continue
            if _made(w, view, kind, start, end, calls):
                return


def _made(w: Writer, view: _View, kind: str, start: str, end: str, calls: list[Call]) -> bool:
    """Put the one operation in, if there is one that does the same."""
    x = torch.randn(w.flows[start].first.shape, generator=torch.Generator().manual_seed(3)) * 1.5 + 0.3
    try:
        wanted = _carried_out(w, calls, {start: x})[end]
    except FAILURES:
        return False
    if kind == "curve":
        name = next((name for name, curve in _CURVES.items() if close(curve(x), wanted)), None)
        if name is not None:
            _put(w, view, end, lambda: _curve(w, name, w.flows[start]))
        return name is not None
    norm = next(_norms(w, calls, x, wanted), None)
    if norm is not None:
        _put(w, view, end, lambda: _normalised(w, w.flows[start], norm))
    return norm is not None


def _carried_out(w: Writer, calls: list[Call], values: dict[str, Any]) -> dict[str, Any]:
    with torch.no_grad():
        for call in calls:
            values[call.outputs[0]] = find(call.target)(  # type: ignore[misc]
                *(_number(w, argument, values) for argument in call.args), **call.kwargs
            )
    return values


def _number(w: Writer, argument: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(argument, Ref):
        return values[argument.name] if argument.name in values else w.tensors[w.stored[argument.name]].detach()
    if isinstance(argument, Tagged):
        return constant(argument)
    return [_number(w, item, values) for item in argument] if isinstance(argument, list | tuple) else argument


def _norms(w: Writer, calls: list[Call], x: torch.Tensor, wanted: torch.Tensor) -> Iterator[_Norm]:
    """Layer normalisations, with stored scale and shift of these calls, that give the same."""
    stored = {w.stored[name] for call in calls for name in taken(call) if name in w.stored}
    plain = {float(argument) for call in calls for argument in call.args if isinstance(argument, float)}
    plain |= {float(w.tensors[path].detach()) for path in stored if w.tensors[path].numel() == 1}
    for axis in range(1, x.dim()):
        parts: list[str | None] = [None, *(path for path in stored if w.tensors[path].numel() == x.shape[axis] > 1)]
        for epsilon in (each for each in plain if 0 < each <= 0.01):
            normal = functional.layer_norm(x.movedim(axis, -1), (x.shape[axis],), eps=epsilon)
            for scale in parts:
                for shift in parts:
                    made = normal * _flat(w, scale, 1.0) + _flat(w, shift, 0.0)
                    for order in _orders(made.movedim(-1, axis), wanted):
                        yield _Norm(axis, epsilon, scale, shift, order)


def _flat(w: Writer, path: str | None, missing: float) -> Any:
    return missing if path is None else w.tensors[path].detach().reshape(-1)


def _orders(made: torch.Tensor, wanted: torch.Tensor) -> Iterator[tuple[int, ...]]:
    for order in permutations(range(made.dim())):
        if made.dim() <= 4 and order[0] == 0 and close(made.permute(order), wanted):
            yield order


def _curve(w: Writer, name: str, x: Flow) -> Any:
    w.label = name.split()[0]
    return w.call("gelu", x, approximate="tanh") if name == "gelu tanh" else w.call(name, x)


def _normalised(w: Writer, x: Flow, norm: _Norm) -> Any:
    w.label = "LayerNormalization"
    last = [axis for axis in range(x.rank) if axis != norm.axis] + [norm.axis]
    back = [last.index(axis) for axis in range(x.rank)]
    turned = turn(w, x, last)
    sources = tuple(w.sources.get(path or "", "") for path in (norm.scale, norm.shift))
    path = w.names.layer("LayerNormalization", "", sources)
    kept = [None if each is None else w.keep(f"{path}.{leaf}", _known(w, each))
            for each, leaf in ((norm.scale, "weight"), (norm.shift, "bias"))]  # fmt: skip
    found = w.result("layer_norm", turned, [x.size(norm.axis)], *kept, norm.epsilon, True)
    return turn(w, turn(w, found, back), norm.order)


def _known(w: Writer, path: str) -> Known:
    return known(w.tensors[path].detach().reshape(-1), w.sources.get(path, ""))


def _put(w: Writer, view: _View, end: str, write: Callable[[], Any]) -> None:
    """What ``write`` writes, in the place of the call that gives ``end``."""
    start, index = len(w.calls), view.maker[end]
    flow = write()
    made = w.calls[start:]
    del w.calls[start:]
    if made and flow.name in made[-1].outputs:
        made[-1] = replace(made[-1], outputs=(end,))
    else:  # the result was there before: a permutation that cancelled
        target = "torch.ops.aten.alias.default"
        made.append(Call(w.names.call("same"), target, (Ref(flow.name),), {}, (end,), False, ()))
    w.calls[index : index + 1] = made
