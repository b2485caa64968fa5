"""ONNX files as they are handed on: names a person expects, a free batch called so, nothing of the machine they
were written on. Both frameworks' writers end here; ``onnx`` is imported when it is needed, never by the server."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from core.artefacts import write_bytes
from core.errors import BadModel, first_line

#: What one ONNX file holds at most: its format counts bytes with 31 bits.
LARGEST = (1 << 31) - (1 << 20)


def missing(*packages: str) -> str:
    """Nothing, or the sentence that names the package that is not installed."""
    absent = next((name for name in packages if find_spec(name) is None), None)
    return "" if absent is None else f'It needs the package "{absent}": pip install {absent}.'


def too_large(size: int) -> str:
    """Nothing, or the sentence for weights that one ONNX file cannot hold."""
    return "" if size < LARGEST else f"One ONNX file holds 2 GB at most; these weights take {size / 1e9:.1f} GB."


def written(model: Any, path: Path, inputs: Sequence[str]) -> Path:
    """Tidy a model, check it against ONNX' own rules, and write it, atomically.

    Args:
        model: A ``ModelProto``; it is changed.
        path: Where to; the suffix becomes ``.onnx``.
        inputs: What its inputs are to be called, in order. Outputs become ``output``, ``output_2`` … or, where an
            input is called so, ``result``.

    Raises:
        BadModel: An operation has no counterpart in ONNX.
        Unavailable: The disk is full or not writable.
    """
    import onnx

    for graph in _graphs(model):
        _without_erfc(graph)
    _strip(model)
    _rename(model.graph, inputs, _outputs(len(model.graph.output), inputs))
    _name_batch(model.graph)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as err:
        raise BadModel(f"ONNX has no counterpart for an operation: {first_line(err)}") from err
    return write_bytes(path.with_suffix(".onnx"), model.SerializeToString())


def _outputs(count: int, inputs: Sequence[str]) -> list[str]:
    free = (word for word in ("output", "result", "found") if not any(name.startswith(word) for name in inputs))
    word = next(free, "outputs_of_the_network")
    return [word, *(f"{word}_{number}" for number in range(2, count + 1))]


def constants(path: Path) -> Iterator[np.ndarray[Any, Any]]:
    """Every array of numbers that the file holds."""
    import onnx
    from onnx import numpy_helper

    for graph in _graphs(onnx.load(path)):
        for tensor in graph.initializer:
            yield numpy_helper.to_array(tensor)
        for node in graph.node:
            yield from (numpy_helper.to_array(a.t) for a in node.attribute if a.HasField("t"))


def _graphs(model: Any) -> Iterator[Any]:
    """The graph, and those inside its nodes."""
    waiting = [model.graph]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            waiting += [a.g for a in node.attribute if a.HasField("g")]


def _strip(model: Any) -> None:
    """Leave out where the exporter found things: stack traces name files of the machine."""
    model.doc_string = ""
    del model.metadata_props[:]
    for graph in _graphs(model):
        del graph.value_info[:]
        for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
            part.doc_string = ""
            del part.metadata_props[:]
    for function in model.functions:
        for part in (function, *function.node):
            part.doc_string = ""
            del part.metadata_props[:]


def _rename(graph: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    wanted = dict(zip([value.name for value in graph.input], inputs, strict=True))
    for value, name in zip(graph.output, outputs, strict=True):
        wanted.setdefault(value.name, name)
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    taken |= {tensor.name for tensor in graph.initializer}
    for name in set(wanted.values()) & taken - set(wanted):
        wanted[name] = f"{name}__inside"  # the name is free for the input or output
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = wanted.get(value.name, value.name)
    for node in graph.node:
        _rename_in(node, wanted)


def _rename_in(node: Any, wanted: dict[str, str]) -> None:
    node.input[:] = [wanted.get(name, name) for name in node.input]
    node.output[:] = [wanted.get(name, name) for name in node.output]
    for attribute in node.attribute:
        for inner in attribute.g.node if attribute.HasField("g") else ():
            _rename_in(inner, wanted)


def _name_batch(graph: Any) -> None:
    """The free first axis is called batch wherever it is named."""
    firsts = [value.type.tensor_type.shape.dim[0] for value in graph.input if value.type.tensor_type.shape.dim]
    symbols = {first.dim_param for first in firsts if not first.HasField("dim_value")}
    for value in (*graph.input, *graph.output):
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            if not size.HasField("dim_value") and (size.dim_param in symbols or axis == 0):
                size.dim_param = "batch"


def _without_erfc(graph: Any) -> None:
    """TensorFlow's exact GELU is written with erfc, which ONNX lacks: erfc(x) = 1 - erf(x)."""
    from onnx import helper

    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        one, inner = f"{node.output[0]}__one", f"{node.output[0]}__erf"
        graph.initializer.append(helper.make_tensor(one, 1, (), [1.0]))
        nodes += [helper.make_node("Erf", [node.input[0]], [inner]), helper.make_node("Sub", [one, inner], node.output)]
    if len(nodes) > len(graph.node):
        del graph.node[:]
        graph.node.extend(nodes)
