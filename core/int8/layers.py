"""Which of a network's Weights really became 8-bit integers in a file, and why the others did not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.backends._base import Floats, LoadedModel
from core.graph import Op
from core.int8.tensors import Tensor, found

#: Operations whose kernels are several gates one below the other, which files keep in orders of their own.
_GATES = {Op.GRU: 3, Op.LSTM: 4}
#: Why a runtime leaves a kernel of such an operation as it is.
_REASONS = {
    Op.GRU: "a GRU is one operation that the runtime computes in float32",
    Op.LSTM: "an LSTM is one operation that the runtime computes in float32",
}


@dataclass(frozen=True)
class Became:
    """One Weight in the file. ``broken`` counts its zeros that are no longer 0."""

    weight: str
    eight: bool
    reason: str = ""
    broken: int = 0


def became(model: LoadedModel, among: Iterable[Tensor]) -> tuple[Became, ...]:
    """What every prunable kernel of the network became, in the network's order."""
    graph, arrays, stored = model.graph(), model.arrays(), list(among)
    ops = {node.layer: node.op for node in graph.nodes if node.layer is not None}
    made = []
    for weight in graph.weights():
        gates = np.split(arrays[weight.name], _GATES.get(ops.get(weight.layer, Op.OPAQUE), 1))
        places = [found(gate, stored) for gate in gates]
        integers = [place.integers for place in places if place is not None and place.integers is not None]
        if len(integers) == len(gates):
            broken = sum(_broken(gate, whole) for gate, whole in zip(gates, integers, strict=True))
            made.append(Became(weight.name, True, broken=broken))
        else:
            made.append(Became(weight.name, False, _reason(ops.get(weight.layer), known=None not in places)))
    return tuple(made)


def told(kernels: Sequence[Became]) -> tuple[str, ...]:
    """How many kernels are integers, and of each of the others its name and the reason."""
    eight = sum(one.eight for one in kernels)
    lines = [f"{eight} of {len(kernels)} kernels are 8-bit integers in it."]
    lines += [f"{one.weight} is not: {one.reason}." for one in kernels if not one.eight]
    broken = sum(one.broken for one in kernels)
    return (*lines, f"{broken:,} zeros are no longer 0 in it.") if broken else tuple(lines)


def _broken(kernel: Floats, integers: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(integers[(kernel == 0).reshape(integers.shape)]))


def _reason(op: Op | None, *, known: bool) -> str:
    if op in _REASONS:
        return _REASONS[op]
    return "the runtime left it in float32" if known else "it is not in the file in a form that can be recognised"
