"""Operations of ``keras.ops`` in functional models as nodes; those not known are opaque, named."""

from typing import Any

from core.backends.keras.composed_nodes import COMPOSED
from core.backends.keras.nodes import POINTWISE, Emitter, axis_of, shape
from core.backends.keras.walk import Call
from core.graph import Op

#: Entry by entry, one tensor in.
_ENTRYWISE = frozenset(
    """
    Relu Relu6 Sigmoid Softplus Softsign Silu LogSigmoid LeakyRelu HardSigmoid HardSilu Elu Selu Gelu Celu HardTanh Tanh
    Absolute Exp Expm1 Log Log1p Negative Square Sqrt Clip Copy Sin Cos Reciprocal Sign Erf Rsqrt Cast
    """.split()  # noqa: SIM905 - a list of names reads better without a hundred quotes
)
#: Two tensors, or one and a constant, entry by entry.
_SUMS = ("Add", "Subtract", "Maximum", "Minimum")
_PRODUCTS = ("Multiply", "Divide", "TrueDivide")
#: Windows over places, each channel by itself.
_WINDOWED = ("MaxPool", "AveragePool", "AdaptiveMaxPool", "AdaptiveAveragePool", "Resize")
_REDUCTIONS = ("Mean", "Sum", "Max", "Min", "Amax", "Amin", "Prod")


def emit(e: Emitter, c: Call) -> None:
    """Add the node of one operation's call."""
    name = type(c.operation).__name__
    rank = len(shape(c.inputs[0])) if c.inputs else 0
    if name in COMPOSED and COMPOSED[name](e, c):
        return
    found = _axes(c, name, rank) if c.inputs else None
    if found is None:
        e.opaque(c, name)
    else:
        op, attrs = found
        e.single(c, op, label=_label(name), **attrs)


def _label(name: str) -> str:
    lower = "".join(f"_{x.lower()}" if x.isupper() else x for x in name).lstrip("_")
    return lower if lower in POINTWISE or lower in ("softmax", "log_softmax") else name


def _axes(c: Call, name: str, rank: int) -> tuple[Op, dict[str, Any]] | None:  # noqa: C901 - a table of cases
    operation = c.operation
    alone = len(c.inputs) == 1
    if name in _ENTRYWISE or (alone and _scalar(c) and name in (*_SUMS, *_PRODUCTS, "Power")):
        return Op.ELEMENTWISE, {}
    if name in (*_SUMS, *_PRODUCTS):
        # A constant array has channels of its own, which nobody would cut.
        return None if alone else ((Op.ADD if name in _SUMS else Op.MULTIPLY), {})
    if name in ("Softmax", "LogSoftmax") and isinstance(operation.axis, int):
        return Op.SOFTMAX, {"axis": axis_of(operation.axis, rank)}
    if name in _REDUCTIONS:
        return _reduction(operation, rank)
    if name == "Matmul" and len(c.inputs) == 2:
        return Op.MATMUL, {}
    if name == "Concatenate":
        return Op.CONCAT, {"axis": axis_of(operation.axis, rank)}
    if name in ("Reshape", "Squeeze", "ExpandDims", "Ravel"):
        return _reshape(c)
    if name in ("Transpose", "Swapaxes", "Moveaxis"):
        return _transpose(operation, name, rank)
    if name in _WINDOWED:
        return Op.POOL, {"channel_axis": 0 if operation.data_format == "channels_first" else rank - 1}
    if name == "Pad":
        return _padded(operation, rank)
    if name == "Flip" and isinstance(operation.axis, int) and axis_of(operation.axis, rank) >= 0:
        return Op.SLICE, {"axis": axis_of(operation.axis, rank), "step": -1}
    return None


def _scalar(c: Call) -> bool:
    import numpy as np
    from keras import tree

    constants = [x for x in tree.flatten(c.args) + tree.flatten(c.kwargs) if x is not None and x is not c.inputs[0]]
    return all(np.ndim(x) == 0 for x in constants if not isinstance(x, str))


def _reduction(operation: Any, rank: int) -> tuple[Op, dict[str, Any]] | None:
    axis = operation.axis
    if axis is None:
        return None  # over the batch too
    axes = tuple(axis_of(a, rank) for a in (axis if isinstance(axis, (list, tuple)) else (axis,)))
    return None if min(axes) < 0 else (Op.REDUCE, {"axes": axes, "keepdims": bool(operation.keepdims)})


def _reshape(c: Call) -> tuple[Op, dict[str, Any]] | None:
    before, after = c.inputs[0].shape, c.outputs[0].shape
    return (Op.RESHAPE, {"inner": True}) if len(after) > 1 and before[0] == after[0] else None


def _transpose(operation: Any, name: str, rank: int) -> tuple[Op, dict[str, Any]] | None:
    axes = list(range(rank + 1))
    if name == "Swapaxes":
        a, b = (x % (rank + 1) for x in (operation.axis1, operation.axis2))
        axes[a], axes[b] = axes[b], axes[a]
    elif name == "Moveaxis":
        there = zip(operation.destination, operation.source, strict=True)
        pairs = sorted((a % (rank + 1), b % (rank + 1)) for a, b in there)
        axes = [a for a in axes if a not in {source for _, source in pairs}]
        for place, source in pairs:
            axes.insert(place, source)
    else:
        axes = list(operation.axes) if operation.axes is not None else axes[::-1]
    return None if axes[0] != 0 else (Op.PERMUTE, {"axes": tuple(a - 1 for a in axes[1:])})


def _padded(operation: Any, rank: int) -> tuple[Op, dict[str, Any]] | None:
    """Padded around places: the last axis that is not is that of the channels."""
    widths = [tuple(width) for width in operation.pad_width]
    whole = [axis for axis in range(rank) if len(widths) == rank + 1 and widths[axis + 1] == (0, 0)]
    return None if not whole or widths[0] != (0, 0) else (Op.PAD, {"channel_axis": _channels(whole, rank)})


def _channels(whole: list[int], rank: int) -> int:
    """Pictures are channels last unless just the last axes are padded."""
    return rank - 1 if rank - 1 in whole else whole[0]
