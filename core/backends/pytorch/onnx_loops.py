"""Loops and branches of ONNX. A loop is opened where it is a GRU or an LSTM, as tf2onnx writes Keras' ones.

That is found by trying: the loop is carried out on numbers for the sequence, and so is every GRU and LSTM that could be
put together from the tensors it uses. The one that gives the same is what it is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch

from core.backends.pytorch.onnx_arguments import turn
from core.backends.pytorch.onnx_reading import Plan, Step
from core.backends.pytorch.onnx_recurrent import run_recurrent
from core.backends.pytorch.onnx_writing import Flow, Known, Value, Writer, known
from core.backends.pytorch.tracing import close
from core.errors import BadModel

Values = dict[str, Value | None]
#: Carries out steps, given what is known by name.
Carry = Callable[[Writer, Iterable[Step], Values], None]
_SAMPLES = 3
#: Most operations that are carried out to find out what a loop is.
_MOST_TURNS = 100_000
#: Keras' gates: z r h, where PyTorch has r z n; and i f c o, as PyTorch has them.
_GATES = {"GRU": (1, 0, 2), "LSTM": (0, 1, 2, 3)}
_SENTENCE = "The network has a loop that is no GRU or LSTM; that is not worked with. Bring it as .pt2 or .keras."


@dataclass(frozen=True)
class _Cell:
    """What a loop could be: weights in PyTorch's order, ``(1, …)`` each as for one direction."""

    kind: str
    weights: tuple[Known, Known, Known, Known]

    def run(self, sequence: torch.Tensor) -> list[torch.Tensor]:
        """Of ``(steps, samples, in)`` every hidden state, the last, and of an LSTM the last cell."""
        hidden = self.weights[1].first.shape[2]
        start = torch.zeros(1, sequence.shape[1], hidden)
        flat = [weight.first[0] for weight in self.weights]
        if self.kind == "LSTM":
            every, last, cell = torch.lstm(sequence, [start, start], flat, True, 1, 0.0, False, False, False)
            return [every, last[0], cell[0]]
        every, last = torch.gru(sequence, start, flat, True, 1, 0.0, False, False, False)
        return [every, last[0]]


def branch(w: Writer, step: Step, values: Values, carry_out: Carry) -> list[Value | None]:
    """An If whose answer is known: the branch that is taken."""
    answer = values.get(step.inputs[0])
    if not isinstance(answer, Known) or answer.first.numel() != 1 or not answer.fixed:
        raise BadModel("The network decides by its input which way to go (If); that is not worked with.")
    plan = step.get("then_branch" if bool(answer.first) else "else_branch")
    inner = {**values, **_stored(plan)}
    carry_out(w, plan.steps, inner)
    return [inner.get(name) for name in plan.outputs]


def loop(w: Writer, step: Step, values: Values, carry_out: Carry) -> list[Value | None]:
    """The results of a loop that is a GRU or an LSTM.

    Raises:
        BadModel: It is something else.
    """
    body = step.get("body")
    sequence = _sequence(body, values)
    steps, features = sequence.size(0), sequence.size(2)
    trial = torch.rand((steps, _SAMPLES, features), generator=torch.Generator().manual_seed(0)) - 0.5
    inside = {name: known(trial) if value is sequence else value for name, value in values.items()}
    wanted = _carried_out(w, step, inside, carry_out)
    tensors = [value for value in (*_stored(body).values(), *_used(step, body, values)) if isinstance(value, Known)]
    for cell in _cells(tensors, features):
        found = _matches(wanted, cell.run(trial))
        if found:
            return _written(w, step, sequence, cell, found)
    raise BadModel(_SENTENCE)


def _stored(plan: Plan) -> Values:
    return {name: known(tensor, name) for name, tensor in plan.known.items()}


def _used(step: Step, body: Plan, values: Values) -> list[Value | None]:
    taken = {name for inner in body.steps for name in inner.inputs}
    return [value for name, value in values.items() if name in taken or name in step.inputs]


def _sequence(body: Plan, values: Values) -> Flow:
    """The one value of the samples that the body reads."""
    local = {*body.inputs, *body.known, *(name for inner in body.steps for name in inner.outputs)}
    names = {name for inner in body.steps for name in inner.inputs if name and name not in local}
    found = [value for value in (values.get(name) for name in names) if isinstance(value, Flow)]
    if len(found) != 1 or found[0].rank != 3:
        raise BadModel(_SENTENCE)
    return found[0]


def _carried_out(w: Writer, step: Step, values: Values, carry_out: Carry) -> list[torch.Tensor | None]:
    """The loop's results for the trial sequence; states start from zeros for as many samples."""
    body = step.get("body")
    most, going = (values.get(name) if name else None for name in step.inputs[:2])
    carried = [_for_trial(values.get(name)) for name in step.inputs[2:]]
    turns = min(int(_number(most)) if most is not None else 1 << 30, _MOST_TURNS // max(1, len(body.steps)))
    more = going is None or bool(_number(going))
    scans: list[list[torch.Tensor]] = [[] for _ in body.outputs[1 + len(carried) :]]
    for index in range(turns):
        if not more:
            break
        inner: Values = {**values, **_stored(body)}
        inner.update(zip(body.inputs, [known(torch.tensor(index)), known(torch.tensor(True)), *carried], strict=True))
        carry_out(w, body.steps, inner)
        results = [inner.get(name) for name in body.outputs]
        if any(not isinstance(result, Known) for result in results):
            raise BadModel(_SENTENCE)
        more, carried = bool(_number(results[0])), results[1 : 1 + len(carried)]
        for scan, result in zip(scans, results[1 + len(carried) :], strict=True):
            scan.append(_tensor(result))
    else:
        if more and most is None:
            raise BadModel(_SENTENCE)
    return [*(_tensor(value) for value in carried), *(torch.stack(scan) if scan else None for scan in scans)]


def _tensor(value: Value | None) -> torch.Tensor:
    if not isinstance(value, Known):
        raise BadModel(_SENTENCE)
    return value.first


def _number(value: Value | None) -> Any:
    tensor = _tensor(value)
    if tensor.numel() != 1:
        raise BadModel(_SENTENCE)
    return tensor.reshape(()).item()


def _for_trial(value: Value | None) -> Value | None:
    """A state of zeros for each sample, for as many samples as are tried."""
    if isinstance(value, Known) and not value.fixed and value.first.dim() == 2 and not bool(value.first.any()):
        return known(torch.zeros(_SAMPLES, value.first.shape[1]))
    return value


def _cells(tensors: list[Known], features: int) -> Iterator[_Cell]:
    """Every GRU and LSTM that the tensors could be of."""
    floats = [value for value in tensors if value.first.is_floating_point() and value.fixed]
    for kind, order in _GATES.items():
        count = len(order)
        for kernel, recurrent in product(floats, floats):
            hidden = recurrent.first.shape[0] if recurrent.first.dim() == 2 else 0
            if not hidden or tuple(recurrent.first.shape) != (hidden, count * hidden) or kernel is recurrent:
                continue
            if tuple(kernel.first.shape) != (features, count * hidden):
                continue
            for into, back in _biases(floats, count * hidden):
                yield _Cell(kind, _ordered((kernel, recurrent), (into, back), order))


def _biases(floats: list[Known], rows: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    zeros = torch.zeros(rows)
    for value in floats:
        if tuple(value.first.shape) == (2, rows):
            yield value.first[0], value.first[1]
        elif value.first.numel() == rows and max(value.first.shape, default=0) == rows:
            yield value.first.reshape(rows), zeros
    yield zeros, zeros


def _ordered(
    kernels: tuple[Known, Known], biases: tuple[torch.Tensor, torch.Tensor], order: tuple[int, ...]
) -> tuple[Known, Known, Known, Known]:
    def put(tensor: torch.Tensor, source: str) -> Known:
        chunks = tensor.chunk(len(order), 0)
        return known(torch.cat([chunks[gate] for gate in order]).unsqueeze(0), source)

    kernel, recurrent = (put(value.first.t(), value.source) for value in kernels)
    into, back = (put(tensor, "") for tensor in biases)
    return kernel, recurrent, into, back


def _matches(wanted: list[torch.Tensor | None], given: list[torch.Tensor]) -> dict[int, int]:
    """Of which result of the cell each result of the loop is."""
    found = {}
    for position, result in enumerate(wanted):
        for index, candidate in enumerate(given):
            if result is not None and result.is_floating_point() and close(result, candidate):
                found[position] = index
                break
    return found


def _written(w: Writer, step: Step, sequence: Flow, cell: _Cell, found: dict[int, int]) -> list[Value | None]:
    made = Step(cell.kind, step.name, [], [])
    every, *states = run_recurrent(w, made, turn(w, sequence, (1, 0, 2)), cell.weights, [], False)
    results: list[Value] = [turn(w, every, (1, 0, 2)), *(w.result("select.int", state, 0, 0) for state in states)]
    return [results[found[position]] if position in found else None for position in range(len(step.outputs))]
