"""GRU and LSTM of ONNX as ``aten.gru`` and ``aten.lstm``, gates put into PyTorch's order."""

from collections.abc import Mapping
from typing import Any

import torch

from core.backends.pytorch.onnx_arguments import Handler, Results, constant, given, needed, pairs, rank, turn, widen
from core.backends.pytorch.onnx_reading import Step
from core.backends.pytorch.onnx_writing import Flow, Known, Value, Writer
from core.errors import BadModel

Inputs = list[Value | None]
#: Where PyTorch's gates stand in ONNX's order: r z n of z r h, and i f g o of i o f c.
_GATES = {"GRU": (1, 0, 2), "LSTM": (0, 2, 3, 1)}
_USUAL = {"GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"]}
_ROLES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _recurrent(w: Writer, step: Step, x: Inputs) -> Results:
    _check(step, x)
    value = needed(step, x, 0)
    if not isinstance(value, Flow) or rank(value) != 3:
        raise BadModel(f"The network's {step.op} does not take a sequence.")
    backwards = step.get("direction", "forward") == "reverse"
    first = bool(step.get("layout", 0))
    batch_first = value if first else turn(w, value, (1, 0, 2))
    batch_first = w.result("flip", batch_first, [1]) if backwards else batch_first
    weights = _weights(step, x)
    outputs = run_recurrent(w, step, batch_first, weights, x, first)
    sequence = w.result("flip", outputs[0], [1]) if backwards else outputs[0]
    directions = len(weights[0].first)
    states = [turn(w, state, (1, 0, 2)) if first else state for state in outputs[1:]]
    return (_by_direction(w, sequence, directions, first), *states)


def _check(step: Step, x: Inputs) -> None:
    op = step.op
    lengths, value = given(x, 4), needed(step, x, 0)
    if lengths is not None:
        steps = pairs(value)[1 if step.get("layout", 0) else 0]
        whole = isinstance(lengths, Known) and bool((lengths.first == steps[0]).all())
        if not whole:
            raise BadModel(f"The network's {op} takes sequences of different lengths; that is not worked with.")
    if op == "GRU" and not step.get("linear_before_reset", 0):
        raise BadModel(
            "The network's GRU resets its state before the product (linear_before_reset=0), which PyTorch's does not. "
            "In Keras it is GRU(reset_after=True)."
        )
    kinds = [kind.lower() for kind in step.get("activations", [])]
    if any(kind != _USUAL[op][index % len(_USUAL[op])] for index, kind in enumerate(kinds)) or step.get("clip"):
        raise BadModel(f"The network's {op} has activations of its own; only sigmoid and tanh are worked with.")
    peep = given(x, 7)
    if step.get("input_forget", 0) or (isinstance(peep, Flow) or (peep is not None and bool(peep.first.any()))):
        raise BadModel(f"The network's {op} has peepholes or joined gates; that is not worked with.")


def _weights(step: Step, x: Inputs) -> tuple[Known, ...]:
    """Kernel, recurrent kernel and the two biases, ``(directions, …)``, gates in PyTorch's order."""
    kernel, recurrent = (constant(step, needed(step, x, position)) for position in (1, 2))
    gates = _GATES[step.op]
    rows = kernel.first.shape[1]
    bias = given(x, 3)
    if bias is None:
        zeros = torch.zeros((len(kernel.first), 2 * rows))
        bias = Known(zeros, zeros)
    bias = constant(step, bias)
    halves = (bias.first[:, :rows], bias.first[:, rows:])
    parts = ((kernel.first, kernel.source), (recurrent.first, recurrent.source), *((half, bias.source)
             for half in halves))  # fmt: skip
    found = []
    for tensor, source in parts:
        chunks = tensor.chunk(len(gates), 1)
        ordered = torch.cat([chunks[gate] for gate in gates], 1)
        found.append(Known(ordered, ordered, source))
    return tuple(found)


def run_recurrent(
    w: Writer, step: Step, x: Value, weights: tuple[Known, ...], given_x: Inputs, first: bool
) -> list[Value]:
    """The layer on ``(samples, steps, in)``: every hidden state, and the last states ``(directions, samples, hidden)``.

    ``weights`` are kernel, recurrent kernel and the two biases, each ``(directions, …)`` in PyTorch's order of gates.
    """
    directions, rows = weights[0].first.shape[:2]
    hidden = rows // len(_GATES[step.op])
    path = w.names.layer(step.op, step.name, tuple(part.source for part in (weights[1], weights[0], weights[2])))
    kept = []
    for direction, end in zip(range(directions), ("", "_reverse"), strict=False):
        for role, part in zip(_ROLES, weights, strict=True):
            tensor = part.first[direction].clone()
            kept.append(w.keep(f"{path}.{role}_l0{end}", Known(tensor, tensor, part.source)))
    starts = [_start(w, given(given_x, position), x, (directions, hidden), first)
              for position in range(5, 6 + (step.op == "LSTM"))]  # fmt: skip
    start: Any = starts if step.op == "LSTM" else starts[0]
    name = "lstm.input" if step.op == "LSTM" else "gru.input"
    return list(w.call(name, x, start, kept, True, 1, 0.0, False, directions == 2, True))


def _start(w: Writer, state: Value | None, x: Value, shape: tuple[int, int], first: bool) -> Value:
    """The state to start from, ``(directions, samples, hidden)``; zeros where the network says nothing."""
    if state is not None and not (isinstance(state, Known) and not bool(state.first.any())):
        return turn(w, state, (1, 0, 2)) if first else state
    sizes = [(shape[0], shape[0]), pairs(x)[0], (shape[1], shape[1])]
    one, other = (torch.zeros([size[which] for size in sizes]) for which in (0, 1))
    return Known(one, one if one.shape == other.shape else other)


def _by_direction(w: Writer, sequence: Value, directions: int, first: bool) -> Value:
    """``(samples, steps, directions x hidden)`` as ONNX has it, the directions on an axis of their own."""
    if directions == 1:
        apart = widen(w, sequence, 1)  # (samples, 1, steps, hidden)
        return turn(w, apart, (0, 2, 1, 3) if first else (2, 1, 0, 3))
    hidden = pairs(sequence)[2][0] // directions
    apart = w.result("unflatten.int", sequence, 2, [directions, hidden])
    return apart if first else turn(w, apart, (1, 2, 0, 3))


RECURRENT: Mapping[str, Handler] = {"GRU": _recurrent, "LSTM": _recurrent}
