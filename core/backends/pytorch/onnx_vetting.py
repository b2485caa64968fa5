"""ONNX files looked at before anything is made of them: sizes, names, operators, where their weights lie.

An ONNX file is a protocol buffer: reading one runs nothing. It may still name other files, hold functions that call
themselves, or promise more than it has. No framework is imported here.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from core.errors import PruneError, RefusedFile, Unavailable

#: Most bytes of the file itself (a protocol buffer holds no more), and of weights that lie beside it.
LARGEST = 2 << 30
LARGEST_BESIDE = 16 << 30
#: Operator sets that are understood.
OPSETS = (7, 24)
MOST_NODES = 100_000
#: Most axes, and entries, of any tensor.
_MOST_AXES = 16
_MOST_ENTRIES = 1 << 34
#: The standard's own operators go by either name.
STANDARD = ("", "ai.onnx")
#: Number types by the standard's numbering, and bytes of one entry.
ITEM_BYTES: Mapping[int, int] = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 16: 2}
EXPORT_SENTENCE = "torch.onnx.export(model.eval(), (x,), 'model.onnx', dynamo=True, external_data=False)"
#: What reading a damaged protocol buffer leads to (texts that are none are ValueErrors too).
DAMAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, RuntimeError,
          MemoryError)  # fmt: skip
#: tf2onnx writes this name, which is in no standard, for 1 - Erf; it is understood all the same.
BEYOND = {"Erfc": "Erf"}


def vet_onnx(path: Path) -> None:
    """Nothing, if the file is a sound ONNX network.

    Raises:
        RefusedFile: It is damaged, names files elsewhere, or uses what no network needs.
        Unavailable: The package ``onnx`` is missing.
    """
    read_proto(path)


def read_proto(path: Path) -> Any:
    """The vetted ``onnx.ModelProto``, its functions written out; weights beside the file are not read yet.

    Raises:
        RefusedFile, Unavailable: As :func:`vet_onnx`.
    """
    try:
        return _vetted(_parsed(path), path)
    except PruneError:
        raise
    except DAMAGE as err:
        raise RefusedFile(f'"{path.name}" is damaged. Export the network again: {EXPORT_SENTENCE}.') from err


def _vetted(model: Any, path: Path) -> Any:
    _vet_kind(model, path.name)
    model = _inlined(model, path.name)
    nodes = list(_nodes(model.graph))
    if len(nodes) > MOST_NODES:
        raise RefusedFile(f'"{path.name}" has {len(nodes)} operations; at most {MOST_NODES} are opened.')
    _vet_operators(nodes, path.name)
    for tensor in _tensors(model.graph, nodes):
        _vet_tensor(tensor, path)
    _check(model, path.name)
    return model


def _parsed(path: Path) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError as err:
        raise Unavailable('ONNX files are read with the package "onnx": pip install onnx.') from err
    if path.stat().st_size > LARGEST:
        raise RefusedFile(f'"{path.name}" is larger than the {LARGEST >> 30} GiB that an ONNX file can have.')
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except (DecodeError, RecursionError, ValueError, RuntimeError) as err:
        raise RefusedFile(f'"{path.name}" is no ONNX file: it is damaged, cut short or of another kind.') from err
    if not model.graph.node:
        raise RefusedFile(f'"{path.name}" is no ONNX file, or one without a single operation.')
    return model


def opset(model: Any) -> int:
    """The version of the standard's operators; 0 where the file names none."""
    return max((int(entry.version) for entry in model.opset_import if entry.domain in STANDARD), default=0)


def _vet_kind(model: Any, name: str) -> None:
    if model.training_info:
        raise RefusedFile(f'"{name}" holds a training program. Export the network alone: {EXPORT_SENTENCE}.')
    if not OPSETS[0] <= opset(model) <= OPSETS[1]:
        raise RefusedFile(
            f'"{name}" uses the operator set {opset(model)}; {OPSETS[0]} to {OPSETS[1]} are opened. '
            "Export it again with opset_version=18."
        )
    if model.graph.sparse_initializer:
        raise RefusedFile(f'"{name}" holds sparse tensors, which are not opened. Store its weights densely.')


def _inlined(model: Any, name: str) -> Any:
    """The model without functions: each call written out, if that ends."""
    if not model.functions:
        return model
    bodies = {(function.domain, function.name): list(_nodes(function)) for function in model.functions}
    sizes: dict[tuple[str, str], float] = {}

    def size(key: tuple[str, str], above: tuple[tuple[str, str], ...]) -> float:
        if key in above:
            raise RefusedFile(f'"{name}" has a function that calls itself ("{key[1][:60]}"); it is not opened.')
        if key not in sizes:
            calls = ((node.domain, node.op_type) for node in bodies[key])
            sizes[key] = sum(size(call, (*above, key)) if call in bodies else 1.0 for call in calls)
        return sizes[key]

    try:
        total = sum(sizes_of for sizes_of in (size(key, ()) for key in bodies))
        calls = [(node.domain, node.op_type) for node in _nodes(model.graph)]
        total += sum(size(call, ()) if call in bodies else 1.0 for call in calls)
    except RecursionError as err:
        raise RefusedFile(f'"{name}" has functions nested too deeply.') from err
    if total > MOST_NODES:
        raise RefusedFile(f'"{name}" has functions that unfold to more than {MOST_NODES} operations.')
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError, TypeError) as err:
        raise RefusedFile(f'"{name}" has functions that cannot be written out. Export it without them.') from err


def _nodes(graph: Any, depth: int = 0) -> Iterator[Any]:
    """All operations, those of inner graphs too."""
    if depth > 4:
        raise RefusedFile("The file has graphs nested more than four deep; no network needs that.")
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner, depth + 1)


def _vet_operators(nodes: list[Any], name: str) -> None:
    for node in nodes:
        if node.domain not in (*STANDARD, "ai.onnx.ml"):
            raise RefusedFile(
                f'"{name}" uses the operator "{node.op_type[:60]}" of "{node.domain[:60]}", which is not part of the '
                "ONNX standard. Export it with standard operators only."
            )


def _tensors(graph: Any, nodes: list[Any]) -> Iterator[Any]:
    yield from graph.initializer
    for node in nodes:
        for attribute in node.attribute:
            yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from inner.initializer


def _vet_tensor(tensor: Any, path: Path) -> None:
    what = f'"{tensor.name[:80]}" in "{path.name}"'
    if tensor.data_type not in ITEM_BYTES:
        raise RefusedFile(f"{what} is of a number type that networks are not trained in.")
    if len(tensor.dims) > _MOST_AXES or any(size < 0 for size in tensor.dims):
        raise RefusedFile(f"{what} has the shape {tuple(tensor.dims)}, which no tensor has.")
    entries = math.prod(tensor.dims)
    if entries > _MOST_ENTRIES:
        raise RefusedFile(f"{what} has {entries} entries; at most {_MOST_ENTRIES} are opened.")
    if tensor.data_location == 1 or tensor.external_data:
        beside(tensor, path)
    elif tensor.HasField("raw_data") and len(tensor.raw_data) != entries * ITEM_BYTES[tensor.data_type]:
        raise RefusedFile(f"{what} is damaged: it has {len(tensor.raw_data)} bytes for {entries} entries.")


def beside(tensor: Any, path: Path) -> tuple[Path, int, int]:
    """The file next to ``path`` that holds a tensor's bytes, where they start, and how many there are.

    Only a plain file in the same folder whose name begins with the network's own counts: otherwise a doctored network
    could take other people's weights for its own.

    Raises:
        RefusedFile: The bytes lie elsewhere, or are not there.
    """
    told = {entry.key: entry.value for entry in tensor.external_data}
    location = told.get("location", "")
    if PurePath(location).name != location or "\\" in location or not location.startswith(path.stem):
        raise RefusedFile(
            f'"{path.name}" keeps its weights in another file ("{location[:60]}"), which is not opened. '
            f"Store them inside: {EXPORT_SENTENCE}."
        )
    other = path.parent / location
    if other.is_symlink() or not other.is_file():
        raise RefusedFile(
            f'"{path.name}" keeps its weights in "{location[:60]}", which does not lie beside it. '
            f"Store them inside: {EXPORT_SENTENCE}."
        )
    length = math.prod(tensor.dims) * ITEM_BYTES[tensor.data_type]
    try:
        start = int(told.get("offset", 0))
        said = int(told.get("length", length))
    except ValueError as err:
        raise RefusedFile(f'"{path.name}" does not say clearly where its weights lie.') from err
    size = other.stat().st_size
    if start < 0 or said != length or start + length > size or size > LARGEST_BESIDE:
        raise RefusedFile(f'"{path.name}" says that weights lie outside of "{location[:60]}". Export it again.')
    return other, start, length


def _check(model: Any, name: str) -> None:
    """What ``onnx.checker`` has to say; it looks at structure only and opens no other file."""
    import onnx

    checked = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    for kept in ("node", "input", "output", "value_info"):
        getattr(checked.graph, kept).extend(getattr(model.graph, kept))
    checked.graph.name = "network"
    empty = (onnx.TensorProto(name=each.name, data_type=1, dims=[0], raw_data=b"") for each in model.graph.initializer)
    checked.graph.initializer.extend(empty)  # their sizes are known to be right, and copies would double the memory
    for value in (*checked.graph.input, *checked.graph.output):
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.shape.SetInParent()  # a shape that is not told is no fault
    for node in _nodes(checked.graph):
        node.op_type = BEYOND.get(node.op_type, node.op_type)
    for tensor in _tensors(checked.graph, list(_nodes(checked.graph))):
        if tensor.data_location == 1 or tensor.external_data:
            tensor.CopyFrom(onnx.TensorProto(name=tensor.name, data_type=1, dims=[0], raw_data=b""))
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    for node in _nodes(checked.graph):
        if node.domain in STANDARD and node.op_type not in known:
            raise RefusedFile(f'"{name}" uses "{node.op_type[:60]}", which is no operator of the ONNX standard.')
    try:
        onnx.checker.check_model(checked)
    except (onnx.checker.ValidationError, ValueError, RuntimeError, TypeError) as err:
        reason = (str(err).strip().splitlines() or ["it is not put together as the standard says"])[0][:200]
        raise RefusedFile(f'"{name}" is no sound ONNX network: {reason}') from err
