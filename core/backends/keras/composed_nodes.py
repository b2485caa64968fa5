"""Operations of ``keras.ops`` that are several nodes, or have several results."""

from collections.abc import Callable, Mapping
from typing import Any

from core.backends.keras.nodes import Emitter, axis_of, shape
from core.backends.keras.walk import Call
from core.graph import Op


def _split(e: Emitter, c: Call) -> bool:
    """Pieces along one axis; of one size where only their number is given."""
    axis = axis_of(c.operation.axis, len(shape(c.inputs[0])))
    if axis < 0:
        return False
    alike = {"pieces": len(c.outputs)} if isinstance(c.operation.indices_or_sections, int) else {}
    start = 0
    for number, piece in enumerate(c.outputs):
        stop = start + shape(piece)[axis]
        attrs: dict[str, Any] = {"axis": axis, "start": start, "stop": stop, "step": 1, **alike}
        e.names[id(piece)] = e.node(_numbered(c, number), Op.SLICE, e.inputs(c), shape(piece), label="Split", **attrs)
        start = stop
    return True


def _unstack(e: Emitter, c: Call) -> bool:
    axis = axis_of(c.operation.axis, len(shape(c.inputs[0])))
    if axis < 0:
        return False
    for number, slab in enumerate(c.outputs):
        attrs: dict[str, Any] = {"axis": axis, "index": number}
        e.names[id(slab)] = e.node(_numbered(c, number), Op.SLICE, e.inputs(c), shape(slab), label="Unstack", **attrs)
    return True


def _stack(e: Emitter, c: Call) -> bool:
    """Each with one more axis, joined along it; in front of the samples' own axis it is something else."""
    whole = shape(c.outputs[0])
    axis = axis_of(c.operation.axis, len(whole))
    if axis < 0 or len(e.inputs(c)) < len(c.inputs):
        return False
    one = (*whole[:axis], 1, *whole[axis + 1 :])
    parts = [
        e.node(f"{c.name}/one{number}", Op.RESHAPE, (name,), one, label="ExpandDims")
        for number, name in enumerate(e.inputs(c))
    ]
    e.names[id(c.outputs[0])] = e.node(c.name, Op.CONCAT, parts, whole, label="Stack", axis=axis)
    return True


def _gated(e: Emitter, c: Call) -> bool:
    """One half times the sigmoid of the other (Dauphin et al. 2017, arXiv:1612.08083)."""
    whole = shape(c.outputs[0])
    axis = axis_of(c.operation.axis, len(whole))
    if axis < 0:
        return False
    half = whole[axis]
    values, gates = (
        e.node(f"{c.name}/{part}", Op.SLICE, e.inputs(c), whole, label="half", axis=axis, start=start,
               stop=start + half, step=1, pieces=2)
        for part, start in (("values", 0), ("gates", half))
    )  # fmt: skip
    gates = e.node(f"{c.name}/sigmoid", Op.ELEMENTWISE, (gates,), whole, label="sigmoid")
    e.names[id(c.outputs[0])] = e.node(c.name, Op.MULTIPLY, (values, gates), whole, label="Glu")
    return True


def _picked(e: Emitter, c: Call) -> bool:
    """``x[:, 1:, ..., None, 0]``: one node for each axis that is sliced, picked from or added."""
    steps = _steps(_key(c, len(shape(c.inputs[0]))), list(shape(c.inputs[0])))
    if steps is None:
        return False
    name = e.inputs(c)[0]
    for number, (op, result, attrs) in enumerate(steps, start=1 - len(steps)):
        own = f"{c.name}/{-number}" if number else c.name
        name = e.node(own, op, (name,), result, label="GetItem", **attrs)
    e.names[id(c.outputs[0])] = name
    return True


def _key(c: Call, rank: int) -> list[Any]:
    """What is said of each axis, the samples' first; files keep a list where there was a tuple."""
    key = c.args[1] if len(c.args) > 1 else c.kwargs.get("key")
    parts = [*key] if isinstance(key, (list, tuple)) else [key]
    places = [place for place, part in enumerate(parts) if part is Ellipsis]
    if len(places) == 1:
        more = rank + 2 - sum(part is not None for part in parts)
        parts[places[0] : places[0] + 1] = [slice(None)] * more
    return parts


def _steps(parts: list[Any], sizes: list[int]) -> list[tuple[Op, tuple[int, ...], dict[str, Any]]] | None:
    if parts[0] != slice(None) or not all(part is None or isinstance(part, (slice, int)) for part in parts):
        return None
    found: list[tuple[Op, tuple[int, ...], dict[str, Any]]] = []
    axis = 0
    for part in parts[1:]:
        attrs: dict[str, Any] = {} if part is None else {"axis": axis}
        if part is None:
            sizes.insert(axis, 1)
        elif isinstance(part, int):
            attrs["index"] = part % sizes.pop(axis)
        elif part == slice(None, None, -1):
            attrs["step"] = -1
        elif part != slice(None):
            start, stop, step = part.indices(sizes[axis])
            attrs |= {"start": start, "stop": stop, "step": step}
            sizes[axis] = len(range(start, stop, step))
        if len(attrs) != 1:
            found.append((Op.SLICE if attrs else Op.RESHAPE, tuple(sizes), attrs))
        if attrs.get("step", 1) < -1 or (attrs.get("step") == -1 and "start" in attrs):
            return None
        axis += not isinstance(part, int)
    return found or [(Op.ELEMENTWISE, tuple(sizes), {})]


def _numbered(c: Call, number: int) -> str:
    return f"{c.name}/{number}" if number else c.name


#: By the operation's class; False where it is not understood after all.
COMPOSED: Mapping[str, Callable[[Emitter, Call], bool]] = {
    "Split": _split,
    "Unstack": _unstack,
    "Stack": _stack,
    "Glu": _gated,
    "GetItem": _picked,
}
