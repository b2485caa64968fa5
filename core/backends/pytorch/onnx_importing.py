"""An ONNX network made into the program that reading a ``.pt2`` gives; from there on both go the same way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.backends.pytorch.feeding import Inlet
from core.backends.pytorch.network import Network as Opened
from core.backends.pytorch.onnx_arguments import Handler, Results
from core.backends.pytorch.onnx_entrywise import ENTRYWISE
from core.backends.pytorch.onnx_fusing import fuse
from core.backends.pytorch.onnx_layers import LAYERS
from core.backends.pytorch.onnx_loops import branch, loop
from core.backends.pytorch.onnx_patterns import inside, simplified
from core.backends.pytorch.onnx_picking import PICKING
from core.backends.pytorch.onnx_reading import DTYPES, Network, Plan, Slot, Step, read_network
from core.backends.pytorch.onnx_recurrent import RECURRENT
from core.backends.pytorch.onnx_shapes import SHAPES
from core.backends.pytorch.onnx_writing import Flow, Value, Writer, known
from core.backends.pytorch.reading import Exported
from core.backends.pytorch.tracing import FAILURES, close
from core.errors import BadModel, PruneError, first_line
from core.inputs import Several

#: Two batch sizes that differ, and two sizes for other axes that take any; multiples of one are none of the other.
_BATCHES = (7, 11)
_ANY = (16, 32)
_PROOF = 3

#: ONNX operation -> how it is written down.
OPERATORS: Mapping[str, Handler] = {**ENTRYWISE, **LAYERS, **SHAPES, **PICKING, **RECURRENT}
#: The same for operations that hold graphs of their own.
_CONTROL = {"Loop": loop, "If": branch}


def imported(path: Path) -> Exported:
    """The network of a vetted file.

    Raises:
        RefusedFile: It is unsafe or damaged.
        BadModel: It has an operation that is not worked with; the message names it.
    """
    return written(read_network(path))


def proved(network: Opened) -> Opened:
    """The network, if three samples together give what they give one by one.

    Raises:
        BadModel: They do not: the size of the batch is in its computation.
    """
    if network.facts.only_batch is not None:
        return network
    generator = np.random.default_rng(0)
    samples = [_samples(inlet, generator) for inlet in network.facts.inlets]
    x = Several(tuple(samples), network.input_names) if len(samples) > 1 else samples[0]
    together = torch.from_numpy(network.predict(x))
    apart = torch.from_numpy(network.predict(x, batch_size=1))
    if not close(together, apart):
        raise BadModel("The network gives a sample other values when it comes with others; that is not worked with.")
    return network


def _samples(inlet: Inlet, generator: np.random.Generator) -> NDArray[Any]:
    shape = (_PROOF, *inlet.trial)
    if inlet.type.is_floating_point:
        return generator.random(shape, np.float32)
    return generator.integers(0, 2, shape)


def written(network: Network) -> Exported:
    """A network's program and tensors.

    Raises:
        BadModel: It cannot be worked with.
    """
    try:
        return _written(network)
    except PruneError:
        raise
    except (*FAILURES, RecursionError) as err:
        raise BadModel(f"The ONNX network cannot be worked with: {first_line(err)}") from err


def _written(network: Network) -> Exported:
    writer = Writer()
    writer.opset = network.opset
    plan = simplified(network.plan)
    writer.names.learn(step.name for step in plan.steps)
    values: dict[str, Value | None] = {name: known(tensor, name) for name, tensor in plan.known.items()}
    for slot in network.slots:
        values[slot.name] = _input(writer, slot)
    carry_out(writer, _needed(plan), values)
    fuse(writer)
    outputs = [values.get(name) for name in plan.outputs]
    flows = [value for value in outputs if isinstance(value, Flow)]
    if not flows or outputs[0] is not flows[0]:
        raise BadModel("The network's output does not depend on its input.")
    return replace(writer.program(flows), notes=network.notes)


def _input(writer: Writer, slot: Slot) -> Flow:
    free = [axis for axis, size in enumerate(slot.sizes) if size is None]
    trials = tuple(
        tuple(size or (_BATCHES if axis == 0 else _ANY)[which] for axis, size in enumerate(slot.sizes))
        for which in (0, 1)
    )
    sizes = tuple(None if axis in free else size for axis, size in enumerate(slot.sizes))
    return writer.input(slot.name, DTYPES[slot.dtype], sizes, (trials[0], trials[1]))


def _needed(plan: Plan) -> list[Step]:
    """The steps that the outputs hang on."""
    wanted, found = set(plan.outputs), []
    for step in reversed(plan.steps):
        if wanted.intersection(step.outputs):
            found.append(step)
            wanted.update(step.inputs)
            wanted.update(inside(step))
    return found[::-1]


def carry_out(writer: Writer, steps: Iterable[Step], values: dict[str, Value | None]) -> None:
    """Write down step after step; ``values`` gets their results by name.

    Raises:
        BadModel: An operation is not known.
    """
    for step in steps:
        writer.label = step.op
        results = _results(writer, step, values)
        for name, result in zip(step.outputs, results, strict=False):
            if name:
                values[name] = result


def _results(writer: Writer, step: Step, values: dict[str, Value | None]) -> Sequence[Value | None]:
    if step.op in _CONTROL:
        return _CONTROL[step.op](writer, step, values, carry_out)
    handler = OPERATORS.get(step.op)
    if handler is None:
        raise BadModel(
            f'The network uses the ONNX operation "{step.op[:60]}", which is not worked with yet. '
            "Export it without, or bring the network as .pt2 or .keras."
        )
    missing = next((name for name in step.inputs if name and values.get(name) is None), None)
    if missing is not None:
        raise BadModel(f'The operation "{step.op}" takes "{missing[:60]}", which nothing gives.')
    made: Results = handler(writer, step, [values[name] if name else None for name in step.inputs])
    return made if isinstance(made, tuple) else (made,)
