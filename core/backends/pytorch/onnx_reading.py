"""A vetted ONNX file as plain data: operations in order, known tensors, inputs and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.backends.pytorch.onnx_vetting import DAMAGE, EXPORT_SENTENCE, beside, opset, read_proto
from core.errors import BadModel, PruneError, RefusedFile

#: Number types by the standard's numbering.
DTYPES: Mapping[int, torch.dtype] = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
}  # fmt: skip
_NUMPY = {11: "<f8", 1: "<f4", 2: "u1", 3: "i1", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2"}
_READERS = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints", 8: "strings"}


@dataclass
class Step:
    """One operation: names of what it takes ("" for nothing) and gives, and its settings."""

    op: str
    name: str
    inputs: list[str]
    outputs: list[str]
    settings: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """A setting, or what the standard takes in its place."""
        return self.settings.get(name, default)


@dataclass
class Plan:
    """A graph of steps, each after those it takes from. ``known`` are its stored tensors."""

    steps: list[Step]
    known: dict[str, torch.Tensor]
    inputs: list[str]
    outputs: list[str]


@dataclass(frozen=True)
class Slot:
    """An input as the file declares it; a size is None where any is taken."""

    name: str
    dtype: int
    sizes: tuple[int | None, ...]


@dataclass(frozen=True)
class Network:
    """All a file holds."""

    plan: Plan
    slots: tuple[Slot, ...]
    opset: int
    notes: tuple[str, ...]


def read_network(path: Path) -> Network:
    """The file's network; outputs that are no rows of numbers (labels, maps) are left out where others are there.

    Raises:
        RefusedFile: It is unsafe or damaged.
        BadModel: It takes or gives what is not worked with.
    """
    model = read_proto(path)
    try:
        return _network(model, path)
    except PruneError:
        raise
    except DAMAGE as err:
        raise RefusedFile(f'"{path.name}" is damaged. Export the network again: {EXPORT_SENTENCE}.') from err


def _network(model: Any, path: Path) -> Network:
    plan = _plan(model.graph, path)
    slots = tuple(_slot(value) for value in model.graph.input if value.name not in plan.known)
    plan.inputs = [slot.name for slot in slots]
    plan.outputs, notes = _outputs(model.graph, plan)
    return Network(plan, slots, opset(model), notes)


def _plan(graph: Any, path: Path) -> Plan:
    known = {_text(tensor.name): _tensor(tensor, path) for tensor in graph.initializer}
    steps = [_step(node, path) for node in graph.node]
    names = ([_text(value.name) for value in values] for values in (graph.input, graph.output))
    return Plan(steps, known, *names)


def _step(node: Any, path: Path) -> Step:
    settings: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type == 4:
            settings[attribute.name] = _tensor(attribute.t, path)
        elif attribute.type == 5:
            settings[attribute.name] = _plan(attribute.g, path)
        elif attribute.type in _READERS:
            value = getattr(attribute, _READERS[attribute.type])
            settings[attribute.name] = _plain(value)
        else:
            raise BadModel(f'The operation "{node.op_type[:60]}" has a setting of a kind that is not worked with.')
    op = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
    taken, given = ([_text(name) for name in names] for names in (node.input, node.output))
    return Step(_text(op), _text(node.name), taken, given, settings)


def _text(name: Any) -> str:
    """A name; bytes that are no text come as they are."""
    if not isinstance(name, str):
        raise TypeError("a name that is no text")
    return name


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, int | float) else [_plain(item) for item in value]


def _tensor(tensor: Any, path: Path) -> torch.Tensor:
    from onnx import numpy_helper

    if tensor.data_type == 16:
        raise BadModel("The network is in half precision (bfloat16). Export it in single precision: model.float().")
    try:
        if tensor.data_location == 1 or tensor.external_data:
            array = _from_beside(tensor, path)
        else:
            array = numpy_helper.to_array(tensor)
        return torch.from_numpy(np.array(array, order="C"))  # of its own: the file's bytes are read-only
    except (ValueError, TypeError, OSError, RuntimeError, MemoryError) as err:
        raise RefusedFile(f'The tensor "{tensor.name[:80]}" is damaged. Export the network again.') from err


def _from_beside(tensor: Any, path: Path) -> NDArray[Any]:
    other, start, length = beside(tensor, path)
    with other.open("rb") as file:
        file.seek(start)
        data = file.read(length)
    return np.frombuffer(data, _NUMPY[tensor.data_type]).reshape(tuple(tensor.dims))


def _slot(value: Any) -> Slot:
    if not value.type.HasField("tensor_type"):
        raise BadModel(f'The network\'s input "{value.name[:60]}" is no tensor; only tensors are worked with.')
    kind = value.type.tensor_type
    if kind.elem_type not in DTYPES:
        raise BadModel(f'The network\'s input "{value.name[:60]}" is of a number type that is not worked with.')
    if not kind.HasField("shape"):
        raise BadModel(f'The network does not say what shape its input "{value.name[:60]}" has.')
    sizes = tuple(int(axis.dim_value) if axis.HasField("dim_value") else None for axis in kind.shape.dim)
    return Slot(value.name, int(kind.elem_type), tuple(None if size is not None and size < 1 else size
                                                       for size in sizes))  # fmt: skip


def _outputs(graph: Any, plan: Plan) -> tuple[list[str], tuple[str, ...]]:
    maps = {step.outputs[0]: step.inputs[0] for step in plan.steps if step.op == "ai.onnx.ml.ZipMap"}
    floats, others = [], []
    for value in graph.output:
        numbers = value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in (1, 10, 11, 16)
        if value.name in maps:
            floats.append(maps[value.name])
        elif numbers:
            floats.append(value.name)
        else:
            others.append(value.name)
    if not floats:
        raise BadModel("The network gives labels or maps only; export it with its scores or probabilities.")
    notes = (f'Its outputs that are no scores are left out: "{", ".join(others)[:80]}".',) if others else ()
    return floats, notes
