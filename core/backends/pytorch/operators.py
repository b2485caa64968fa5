"""Which operations of an exported program are carried out: those of ``aten`` without side effects, and arithmetic.

A file names its operations by text. Only what is found here is ever called.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch._ops import OpOverload

from core.backends.pytorch.program import Tagged
from core.errors import BadModel, RefusedFile

_ARITHMETIC = "add sub mul floordiv truediv mod pow neg pos eq ne lt le gt ge getitem and_ or_"
#: Arithmetic on sizes.
_SIZES: Mapping[str, Callable[..., Any]] = {
    **{
        f"_operator.{name}": getattr(operator, name)
        for name in [
            "add",
            "sub",
            "mul",
            "floordiv",
            "truediv",
            "mod",
            "pow",
            "neg",
            "pos",
            "eq",
            "ne",
            "lt",
            "le",
            "gt",
            "ge",
            "getitem",
            "and_",
            "or_",
        ]
    },
    **{f"math.{name}": getattr(math, name) for name in ("trunc", "ceil", "floor", "sqrt")},
    **{
        f"torch.{name}": getattr(torch, name)
        for name in ("sym_int", "sym_float", "sym_not", "sym_max", "sym_min", "sym_ite")
    },
}
#: Of aten: reads or makes files, reaches raw memory, or skips the checks of its twin.
_NEVER = ("from_file", "set_", "as_strided_", "resize", "record_stream", "storage", "data_ptr", "pin_memory", "unsafe")
#: Checks on sizes that tracing left behind; they have no result anybody uses.
GUARDS = ("_assert_scalar", "_assert_async", "_assert_tensor_metadata", "sym_constrain_range_for_size")
#: Of aten's operations with a leading underscore these are written by PyTorch's own layers.
_PRIVATE = ("_softmax", "_log_softmax", "_to_copy", "_native_batch_norm_legit", "_weight_norm", "_convolution")
_DTYPES = {
    1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64,
    6: torch.float16, 7: torch.float32, 8: torch.float64, 12: torch.bool, 13: torch.bfloat16,
}  # fmt: skip
_FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d, 4: torch.preserve_format}


def find(target: str) -> Callable[..., Any] | None:
    """The operation of that name; None for a check that may be left out.

    Raises:
        BadModel: It is an operation of a library that is not installed here, or one that is not worked with.
        RefusedFile: It is an operation no network needs and that could do harm.
    """
    if target in _SIZES:
        return _SIZES[target]
    parts = target.split(".")
    if parts[:2] != ["torch", "ops"] or len(parts) != 5:
        raise BadModel(f'The network uses "{target[:80]}", which is not an operation that is worked with.')
    namespace, name, overload = parts[2:]
    if namespace != "aten":
        raise BadModel(f'The network uses the operation "{target[:80]}" of another library; only PyTorch\'s own work.')
    if name in GUARDS:
        return None
    if (name.startswith("_") and name not in _PRIVATE) or any(part in name for part in _NEVER):
        raise RefusedFile(f'The network uses the operation "{name[:60]}", which could do harm. It is not opened.')
    return _overload(name, overload)


def _overload(name: str, overload: str) -> OpOverload:
    packet = getattr(torch.ops.aten, name, None)
    found = getattr(packet, overload, None) if packet is not None else None
    if not isinstance(found, OpOverload):
        raise BadModel(f'This version of PyTorch has no operation "{name[:60]}.{overload[:60]}".')
    return found


def dtype(number: int) -> torch.dtype:
    """The number type the schema numbers so.

    Raises:
        BadModel: It is none that networks are trained in.
    """
    if number not in _DTYPES:
        raise BadModel("The network has tensors of a number type that is not worked with.")
    return _DTYPES[number]


def constant(tagged: Tagged) -> Any:
    """The framework's constant that an argument names; devices become the CPU."""
    if tagged.kind == "dtype":
        return dtype(int(tagged.value))
    if tagged.kind == "memory_format":
        return _FORMATS.get(int(tagged.value), torch.preserve_format)
    return torch.strided if tagged.kind == "layout" else torch.device("cpu")


def short_name(target: object) -> str:
    """What an operation is called without namespace and overload: "conv2d", "add", "getitem"."""
    if isinstance(target, OpOverload):
        return str(target.overloadpacket.__name__)
    return str(getattr(target, "__name__", target))


def called(node: torch.fx.Node) -> str:
    """What an operation is called: :func:`short_name`, and ``relu`` or ``relu6`` where numbers are cut off at zero."""
    name = short_name(node.target)
    if name not in ("hardtanh", "clamp", "clamp_min") or node.op != "call_function":
        return name
    given = bound(node)
    least, most = (given.get(f"{end}_val", given.get(end)) for end in ("min", "max"))
    cut = isinstance(least, int | float) and least == 0
    return ("relu" if most is None else "relu6") if cut else name


def bound(node: torch.fx.Node) -> dict[str, Any]:
    """A node's arguments by the name the operation's schema gives them, defaults filled in."""
    target = node.target
    if not isinstance(target, OpOverload):
        return dict(enumerate(node.args))  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for position, argument in enumerate(target._schema.arguments):
        if position < len(node.args):
            values[argument.name] = node.args[position]
        elif argument.name in node.kwargs:
            values[argument.name] = node.kwargs[argument.name]
        else:
            values[argument.name] = argument.default_value if argument.has_default_value() else None
    return values
