"""An exported program read from its JSON, without PyTorch's own reader.

``torch.export.load`` parses shapes with ``sympy.sympify`` (which evaluates Python), looks operators up anywhere under
``torch``, keeps guards as source code, and unpickles what the file tells it to. Here the graph is read as plain data:
names must be names, symbols stay symbols, operators stay text until :mod:`operators` finds them in its list.

The layout is that of ``torch/_export/serde/schema.py``, major version 8 (PyTorch 2.8 to 2.13).
"""

import json
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadModel, RefusedFile

SCHEMA_MAJOR = 8
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PATH = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\Z")
_FLOATS = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}


@dataclass(frozen=True)
class Ref:
    """An argument that is another value of the graph."""

    name: str


@dataclass(frozen=True)
class Tagged:
    """An argument that is one of the framework's constants: kind is dtype, layout, memory_format or device."""

    kind: str
    value: int | str


@dataclass(frozen=True)
class TensorSpec:
    """Number type (schema's numbering), sizes (None where any size is taken), strides and offset."""

    dtype: int
    sizes: tuple[int | None, ...]
    strides: tuple[int | None, ...]
    offset: int


@dataclass(frozen=True)
class Stored:
    """Where a tensor's bytes lie, and what they are."""

    member: str
    spec: TensorSpec
    parameter: bool
    trained: bool


@dataclass(frozen=True)
class Call:
    """One operation. ``outputs`` names its results; ``several`` tells a tuple of one from a single result."""

    name: str
    target: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[str, ...]
    several: bool
    modules: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Program:
    """A whole network: inputs, what its stored values are called, its operations, its results."""

    inputs: tuple[tuple[str, TensorSpec], ...]
    stored: Mapping[str, str]
    """Value name -> dotted path of the parameter, buffer or constant."""
    calls: tuple[Call, ...]
    outputs: tuple[str, ...]
    buffers: frozenset[str] = field(default_factory=frozenset)


def parse(text: bytes) -> Program:
    """The program in a ``models/*.json`` member.

    Raises:
        RefusedFile: It is damaged, or made by hand in a way PyTorch never writes.
        BadModel: It uses control flow or another schema.
    """
    try:
        return _program(json.loads(text))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as err:
        if isinstance(err, RefusedFile | BadModel):
            raise
        raise RefusedFile("The exported program's graph is damaged. Export the network again.") from err


def parse_tensors(text: bytes, folder: str) -> dict[str, Stored]:
    """The tensors of a ``*_config.json`` member, by dotted path.

    Raises:
        RefusedFile: It is damaged, or names pickled members.
    """
    try:
        return {path: _stored(path, entry, folder) for path, entry in json.loads(text)["config"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as err:
        if isinstance(err, RefusedFile):
            raise
        raise RefusedFile("The list of the exported program's weights is damaged. Export the network again.") from err


def _stored(path: str, entry: Any, folder: str) -> Stored:
    if entry["use_pickle"]:
        raise RefusedFile(f'"{_path(path)}" is a pickled object, which could run code when opened.')
    meta = entry["tensor_meta"]
    member = _checked(entry["path_name"], _NAME)
    return Stored(folder + member, _spec(meta), bool(entry["is_param"]), bool(meta["requires_grad"]))


def _program(root: Any) -> Program:
    if root["schema_version"]["major"] != SCHEMA_MAJOR:
        raise BadModel("The file was exported by another generation of PyTorch. Export it again with PyTorch 2.13.")
    module = root["graph_module"]
    graph = module["graph"]
    inputs: list[tuple[str, TensorSpec]] = []
    stored: dict[str, str] = {}
    buffers: set[str] = set()
    for entry in module["signature"]["input_specs"]:
        _read_input(entry, graph["tensor_values"], inputs, stored, buffers)
    calls = tuple(_call(node) for node in graph["nodes"])
    return Program(tuple(inputs), stored, calls, _outputs(module["signature"]["output_specs"]), frozenset(buffers))


def _read_input(
    entry: Any, specs: Any, inputs: list[tuple[str, TensorSpec]], stored: dict[str, str], buffers: set[str]
) -> None:
    ((kind, body),) = entry.items()
    if kind == "user_input":
        ((argument_kind, argument),) = body["arg"].items()
        if argument_kind == "as_tensor":
            inputs.append((_name(argument["name"]), _spec(specs[argument["name"]])))
        elif argument_kind != "as_none":
            raise BadModel("The network takes an input that is no tensor; only tensors are worked with.")
    elif kind in ("parameter", "buffer", "tensor_constant"):
        path = _path(body["tensor_constant_name" if kind == "tensor_constant" else f"{kind}_name"])
        stored[_name(body["arg"]["name"])] = path
        if kind != "parameter":
            buffers.add(path)
    elif kind != "constant_input":
        raise RefusedFile("The exported program holds a custom object, which could run code when opened.")


def _outputs(specs: Any) -> tuple[str, ...]:
    names = []
    for entry in specs:
        ((kind, body),) = entry.items()
        if kind == "user_output" and "as_tensor" in body["arg"]:
            names.append(_name(body["arg"]["as_tensor"]["name"]))
    if not names:
        raise BadModel("The network returns no tensor.")
    return tuple(names)


def _call(node: Any) -> Call:
    positional = [_argument(entry["arg"]) for entry in node["inputs"] if entry.get("kind") != 2]
    named = {_name(entry["name"]): _argument(entry["arg"]) for entry in node["inputs"] if entry.get("kind") == 2}
    outputs, several = _results(node["outputs"])
    name = node.get("name") or (outputs[0] if outputs else "call")
    modules = _modules(node["metadata"].get("nn_module_stack", ""))
    return Call(_name(name), str(node["target"]), tuple(positional), named, outputs, several, modules)


def _results(outputs: Any) -> tuple[tuple[str, ...], bool]:
    names: list[str] = []
    several = len(outputs) > 1
    for output in outputs:
        ((kind, body),) = output.items()
        if kind == "as_tensors":
            names += [_name(tensor["name"]) for tensor in body]
            several = True
        elif kind == "as_tensor":
            names.append(_name(body["name"]))
        elif kind in ("as_sym_int", "as_sym_float", "as_sym_bool") and "as_name" in body:
            names.append(_name(body["as_name"]))
        elif kind != "as_none":
            raise BadModel(f'The network has an operation that gives "{str(kind)[:40]}"; that is not worked with.')
    return tuple(names), several


def _argument(argument: Any) -> Any:
    ((kind, value),) = argument.items()
    if kind == "as_graph":
        raise BadModel("The network has control flow (cond, map, while or autocast regions); it cannot be opened.")
    reader = _READERS.get(kind)
    if reader is None:
        raise BadModel(f'The network has an argument of the kind "{str(kind)[:40]}"; that is not worked with.')
    return reader(value)


def _float(value: Any) -> float:
    return _FLOATS[value] if isinstance(value, str) else float(value)


def _symbol(value: Any) -> Any:
    ((kind, body),) = value.items()
    return Ref(_name(body)) if kind == "as_name" else float(body) if kind == "as_float" else _whole(body)


def _maybe_tensor(value: Any) -> Ref | None:
    return Ref(_name(value["as_tensor"]["name"])) if "as_tensor" in value else None


def _device(value: Any) -> Tagged:
    return Tagged("device", str(value["type"]))


def _whole(value: Any) -> int:
    if not isinstance(value, int) or abs(value) > 2**63:
        raise ValueError(f"{value!r} is no whole number")
    return value


_READERS: Mapping[str, Any] = {
    "as_none": lambda value: None,
    "as_tensor": lambda value: Ref(_name(value["name"])),
    "as_tensors": lambda value: [Ref(_name(item["name"])) for item in value],
    "as_int": _whole,
    "as_ints": lambda value: [_whole(item) for item in value],
    "as_float": _float,
    "as_floats": lambda value: [_float(item) for item in value],
    "as_string": str,
    "as_bool": bool,
    "as_bools": lambda value: [bool(item) for item in value],
    "as_sym_int": _symbol,
    "as_sym_ints": lambda value: [_symbol(item) for item in value],
    "as_sym_float": _symbol,
    "as_sym_floats": lambda value: [_symbol(item) for item in value],
    "as_sym_bool": _symbol,
    "as_optional_tensor": _maybe_tensor,
    "as_optional_tensors": lambda value: [_maybe_tensor(item) for item in value],
    "as_scalar_type": lambda value: Tagged("dtype", _whole(value)),
    "as_layout": lambda value: Tagged("layout", _whole(value)),
    "as_memory_format": lambda value: Tagged("memory_format", _whole(value)),
    "as_device": _device,
}


def _spec(meta: Any) -> TensorSpec:
    sizes = tuple(_size(size) for size in meta["sizes"])
    strides = tuple(_size(stride) for stride in meta["strides"])
    return TensorSpec(_whole(meta["dtype"]), sizes, strides, _size(meta["storage_offset"]) or 0)


def _size(size: Any) -> int | None:
    return _whole(size["as_int"]) if "as_int" in size else None


def _modules(text: str) -> tuple[tuple[str, str, str], ...]:
    """``key,path,class;…`` of the module stack, outermost first; entries of another form are left out."""
    entries = (tuple(entry.rsplit(",", 2)) for entry in text.split(";"))
    return tuple((entry[0], entry[1], entry[2]) for entry in entries if len(entry) == 3)


def _name(text: Any) -> str:
    name = _checked(text, _NAME)
    return name + "_" if keyword.iskeyword(name) else name


def _path(text: Any) -> str:
    return _checked(text, _PATH)


def _checked(text: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(text, str) or not pattern.match(text) or len(text) > 1000:
        raise RefusedFile(f"The exported program has the name {str(text)[:80]!r}, which PyTorch never writes.")
    return text
