"""Pickles read without running them: which names they would import, and whether PyTorch alone could have written them.

A pickle is a program; ``GLOBAL`` imports any function and ``REDUCE`` calls it. PyTorch writes tensors with a handful
of opcodes and names. Anything beyond those is refused before an unpickler sees it.
"""

import io
import pickletools

from core.errors import RefusedFile

#: Opcodes that only build plain values, and the three PyTorch needs on top: GLOBAL, REDUCE, BUILD (checked by name).
_OPCODES = frozenset(
    {"PROTO", "STOP", "MARK", "POP", "DUP", "NONE", "NEWTRUE", "NEWFALSE"}
    | {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"SHORT_BINSTRING", "BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINBYTES", "BINBYTES"}
    | {"EMPTY_LIST", "APPEND", "APPENDS", "LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
    | {"EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET"}
    | {"MEMOIZE", "FRAME", "BINPERSID", "GLOBAL", "REDUCE", "BUILD"}
)
_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
_DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
#: What tensors, parameters and state dicts are made of.
_GLOBALS = frozenset(
    {
        "collections OrderedDict",
        "torch._utils _rebuild_tensor",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_parameter_with_state",
        "torch._tensor _rebuild_from_type_v2",
        "torch Tensor",
        "torch.nn.parameter Parameter",
        "builtins set",
        "__builtin__ set",
        "torch Size",
        "torch device",
        "torch.storage UntypedStorage",
        "torch.serialization _get_layout",
        *(f"torch {name}Storage" for name in _STORAGES),
        *(f"torch {name}" for name in _DTYPES),
    }
)
#: More opcodes than any state dict needs.
_MOST_OPCODES = 20_000_000


def vet_pickle(data: bytes, what: str) -> None:
    """Nothing, if the pickle builds tensors and plain containers only.

    Args:
        data: One pickle, or several one after the other, as old ``torch.save`` files hold them.
        what: How the message names it.

    Raises:
        RefusedFile: It would import or call something else, or is damaged.
    """
    stream = io.BytesIO(data)
    count = 0
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            count += 1
            if opcode.name not in _OPCODES:
                raise RefusedFile(_sentence(what, f"the instruction {opcode.name}"))
            if opcode.name == "GLOBAL" and argument not in _GLOBALS:
                raise RefusedFile(_sentence(what, f'"{str(argument)[:80].replace(" ", ".")}"'))
            if count > _MOST_OPCODES:
                raise RefusedFile(f"{what} is longer than any list of tensors.")
    except RefusedFile:
        raise
    except Exception as err:  # pickletools raises whatever a damaged stream leads to
        raise RefusedFile(f"{what} is damaged. Save the model again.") from err


def _sentence(what: str, found: str) -> str:
    return (
        f"{what} holds a pickle with {found}, which could run code when opened. Save the network without pickled "
        "objects: torch.export.save(torch.export.export(model.eval(), (x,)), 'model.pt2')."
    )
