"""Recurrent layers as nodes: one pass over the steps, or two."""

from typing import Any

from core.backends.keras.nodes import Emitter, shape
from core.backends.keras.walk import Call
from core.graph import Op

_RECURRENT = {"GRU": Op.GRU, "LSTM": Op.LSTM}


def recurrent(e: Emitter, c: Call) -> None:
    """One pass over the steps; a state given to start with is a further input, last states are further outputs."""
    layer, result = c.operation, shape(c.outputs[0])
    kind = type(layer).__name__
    name = e.node(c.name, _RECURRENT[kind], e.inputs(c), result, layer=c.path, label=kind, hidden=layer.units)
    e.names[id(c.outputs[0])] = name
    _states(e, c, name, result, 1)


def _states(e: Emitter, c: Call, made_by: str, result: tuple[int, ...], first: int, count: int | None = None) -> None:
    """The last states among a call's outputs: of the same hidden units as what ``made_by`` gave at its last step."""
    last = len(c.outputs) if count is None else first + count
    for i, state in enumerate(c.outputs[first:last], start=first):
        one: tuple[Op, dict[str, Any]] = (Op.ELEMENTWISE, {})
        if len(result) > 1:
            one = (Op.SLICE, {"axis": 0, "index": result[0] - 1})
        e.names[id(state)] = e.node(f"{c.name}/{i}", one[0], (made_by,), shape(state), label="state", **one[1])


def bidirectional(e: Emitter, c: Call) -> None:
    """Two passes, each with its own units, as many one way as the other; joined, or two results."""
    layer = c.operation
    kind = type(layer.forward_layer).__name__
    op, apart = _RECURRENT.get(kind, Op.OPAQUE), layer.merge_mode is None
    joined = {"concat": Op.CONCAT, "sum": Op.ADD, "ave": Op.ADD, "mul": Op.MULTIPLY}.get(layer.merge_mode)
    if op is Op.OPAQUE or (joined is None and not apart) or type(layer.backward_layer).__name__ != kind:
        e.opaque(c, type(layer).__name__, layer=True)
        return
    result, (sequence, *given) = shape(c.outputs[0]), e.inputs(c)
    first = 2 if apart else 1
    states = (len(c.outputs) - first) // 2
    halves = []
    for number, (side, own) in enumerate((("forward", layer.forward_layer), ("backward", layer.backward_layer))):
        started = given[number * len(given) // 2 : (number + 1) * len(given) // 2]
        name, one, twin = f"{c.name}/{side}", (*result[:-1], own.units), {"twin": f"{c.path}.forward"} if number else {}
        path = f"{c.path}.{side}"
        halves.append(e.node(name, op, (sequence, *started), one, layer=path, label=kind, hidden=own.units, **twin))
        _states(e, c, name, one, first + number * states, states)
    if joined is None:
        e.names.update(zip(map(id, c.outputs), halves, strict=False))
        return
    attrs: dict[str, Any] = {"axis": len(result) - 1} if joined is Op.CONCAT else {}
    e.names[id(c.outputs[0])] = e.node(c.name, joined, halves, result, label="Bidirectional", **attrs)
