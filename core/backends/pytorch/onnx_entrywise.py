"""ONNX operations on every entry by itself: activations, arithmetic, comparisons."""

from collections.abc import Mapping
from typing import Any

from core.backends.pytorch.onnx_arguments import (
    Handler,
    Results,
    aligned,
    given,
    is_float,
    needed,
    number,
    rank,
    shaped,
    through,
    turn,
)
from core.backends.pytorch.onnx_reading import DTYPES, Step
from core.backends.pytorch.onnx_writing import SCHEMA, Flow, Known, Value, Writer
from core.backends.pytorch.program import Tagged
from core.errors import BadModel

Inputs = list[Value | None]


def _unary(name: str, *settings: tuple[str, float]) -> Handler:
    """``aten.NAME`` with settings of the operation, in order, and what stands for them when they are not given."""

    def write(w: Writer, step: Step, x: Inputs) -> Results:
        given_settings = [float(step.get(setting, default)) for setting, default in settings]
        return through(w, needed(step, x, 0), lambda value: w.call(name, value, *given_settings))

    return write


def _elu(w: Writer, step: Step, x: Inputs) -> Results:
    alpha = float(step.get("alpha", 1.0))
    return through(w, needed(step, x, 0), lambda value: w.call("elu", value, alpha, 1.0, 1.0))


def _selu(w: Writer, step: Step, x: Inputs) -> Results:
    alpha, gamma = float(step.get("alpha", 1.6732632)), float(step.get("gamma", 1.0507009))
    usual = abs(alpha - 1.6732632) < 1e-5 and abs(gamma - 1.0507009) < 1e-5
    if usual:
        return through(w, needed(step, x, 0), lambda value: w.call("selu", value))
    return through(w, needed(step, x, 0), lambda value: w.call("elu", value, alpha, gamma, 1.0))


def _hard_sigmoid(w: Writer, step: Step, x: Inputs) -> Results:
    alpha, beta = float(step.get("alpha", 0.2)), float(step.get("beta", 0.5))

    def write(value: Value) -> Any:
        if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
            return w.call("hardsigmoid", value)
        return w.call("clamp", w.call("add.Scalar", w.call("mul.Scalar", value, alpha), beta), 0.0, 1.0)

    return through(w, needed(step, x, 0), write)


def _gelu(w: Writer, step: Step, x: Inputs) -> Results:
    way = str(step.get("approximate", "none"))
    if way not in ("none", "tanh"):
        raise BadModel(f'The network has a Gelu of the kind "{way[:20]}"; "none" and "tanh" are known.')
    return through(w, needed(step, x, 0), lambda value: w.call("gelu", value, approximate=way))


def _softsign(w: Writer, step: Step, x: Inputs) -> Results:
    def write(value: Value) -> Any:
        return w.call("div.Tensor", value, w.call("add.Scalar", w.call("abs", value), 1.0))

    return through(w, needed(step, x, 0), write)


def _erfc(w: Writer, step: Step, x: Inputs) -> Results:
    return through(w, needed(step, x, 0), lambda value: w.call("rsub.Scalar", w.call("erf", value), 1.0))


def _clip(w: Writer, step: Step, x: Inputs) -> Results:
    ends = []
    for position, name in ((1, "min"), (2, "max")):
        end = given(x, position)
        ends.append(step.get(name) if end is None else number(end))
        if end is not None and ends[-1] is None:
            raise BadModel("The network clips at limits that it works out from its input; that is not worked with.")
    if ends == [None, None]:
        return needed(step, x, 0)
    return through(w, needed(step, x, 0), lambda value: w.call("clamp", value, *ends))


def _prelu(w: Writer, step: Step, x: Inputs) -> Results:
    value, slope = needed(step, x, 0), needed(step, x, 1)
    channels = value.first.shape[1] if rank(value) > 1 else 1
    per_channel = slope.first.numel() == channels and (rank(slope) < 1 or slope.first.shape[0] == channels)
    fits = slope.first.numel() == 1 or (per_channel and rank(slope) == rank(value) - 1)
    if isinstance(value, Flow) and isinstance(slope, Known) and fits:
        path = w.names.layer("PRelu", step.name, (slope.source,))
        flat = Known(slope.first.reshape(-1), slope.second.reshape(-1), slope.source)
        return w.result("prelu", value, w.keep(f"{path}.weight", flat))
    below = w.call("mul.Tensor", slope, w.call("relu", w.call("neg", value)))
    return w.result("sub.Tensor", w.call("relu", value), below)


_SCALARS = {"add": "add.Scalar", "sub": "sub.Scalar", "mul": "mul.Scalar", "div": "div.Scalar"}
_FLIPPED = {"add": "add.Scalar", "sub": "rsub.Scalar", "mul": "mul.Scalar"}


def _arithmetic(name: str) -> Handler:
    def write(w: Writer, step: Step, x: Inputs) -> Results:
        left, right = needed(step, x, 0), needed(step, x, 1)
        if name == "div" and not is_float(left):
            return w.result("div.Tensor_mode", left, right, rounding_mode="trunc")
        return combined(w, name, left, right)

    return write


def combined(w: Writer, name: str, left: Value, right: Value) -> Value:
    """Sum, difference, product or quotient; a single constant becomes a plain number."""
    if isinstance(left, Flow) and (plain := number(right, rank(left))) is not None:
        return through(w, left, lambda value: w.call(_SCALARS[name], value, plain))
    if isinstance(right, Flow) and (plain := number(left, rank(right))) is not None:
        if name == "div":
            return through(w, right, lambda value: w.call("mul.Scalar", w.call("reciprocal", value), plain))
        return through(w, right, lambda value: w.call(_FLIPPED[name], value, plain))
    if isinstance(left, Known) and isinstance(right, Flow) and name in ("add", "mul"):
        left, right = right, left
    late = _late_bias(w, left, right) if name == "add" else None
    if late is not None:
        return late
    return _broadcast(w, f"{name}.Tensor", left, right)


def _late_bias(w: Writer, left: Value, right: Value) -> Value | None:
    """A bias that is added to a dense layer's result only after a reshape; None where it is none."""
    if not isinstance(left, Flow) or not isinstance(right, Known) or not right.fixed:
        return None
    root = left
    while root.reshaped is not None:
        root = root.reshaped
    own = list(right.first.shape)
    while own[:1] == [1]:
        own = own[1:]
    behind = [a for a, _ in left.pairs[left.rank - len(own) :]]
    units = root.first.shape[-1]
    if root.dense is None or own != behind or right.first.numel() != units or len(own) >= left.rank:
        return None
    x, path, kernel = root.dense
    flat = Known(right.first.reshape(-1), right.second.reshape(-1), right.source)
    if f"{path}.bias" in w.tensors:
        return None
    return shaped(w, w.result("linear", x, kernel, w.keep(f"{path}.bias", flat)), left.pairs)


def _broadcast(w: Writer, operation: str, left: Value, right: Value) -> Value:
    """An operation on two values; where both are turned alike, or one is a constant, turned afterwards."""
    if isinstance(left, Flow) and left.turned is not None:
        base, order = left.turned
        if isinstance(right, Known) and rank(right) <= rank(left):
            return turn(w, w.call(operation, base, aligned(right, rank(left), order)), order)
        if isinstance(right, Flow) and right.turned is not None and right.turned[1] == order:
            return turn(w, w.call(operation, base, right.turned[0]), order)
    return w.result(operation, left, right)


def _pow(w: Writer, step: Step, x: Inputs) -> Results:
    left, right = needed(step, x, 0), needed(step, x, 1)
    plain = number(right, rank(left))
    if plain is not None:
        return through(w, left, lambda value: w.call("pow.Tensor_Scalar", value, plain))
    return w.result("pow.Tensor_Tensor", left, right)


def _two(name: str) -> Handler:
    def write(w: Writer, step: Step, x: Inputs) -> Results:
        return w.result(name, needed(step, x, 0), needed(step, x, 1))

    return write


def _many(name: str) -> Handler:
    """Sum, largest or smallest of any number of values, two by two."""

    def write(w: Writer, step: Step, x: Inputs) -> Results:
        result = needed(step, x, 0)
        for position in range(1, len(x)):
            other = needed(step, x, position)
            result = combined(w, "add", result, other) if name == "add" else w.result(name, result, other)
        return result

    return write


def _mod(w: Writer, step: Step, x: Inputs) -> Results:
    return w.result(
        "fmod.Tensor" if step.get("fmod", 0) else "remainder.Tensor", needed(step, x, 0), needed(step, x, 1)
    )


def _where(w: Writer, step: Step, x: Inputs) -> Results:
    return w.result("where.self", *(needed(step, x, position) for position in range(3)))


def _same(w: Writer, step: Step, x: Inputs) -> Results:
    return needed(step, x, 0)


def _cast(w: Writer, step: Step, x: Inputs) -> Results:
    value, kind = needed(step, x, 0), DTYPES.get(int(step.get("to", 0)))
    if kind is None:
        raise BadModel("The network casts to a number type that is not worked with.")
    if value.first.dtype == kind:
        return value
    return through(w, value, lambda each: w.call("to.dtype", each, Tagged("dtype", SCHEMA[kind])))


def _dropout(w: Writer, step: Step, x: Inputs) -> Results:
    value, share = needed(step, x, 0), number(given(x, 1))
    ratio = float(step.get("ratio", 0.5) if share is None else share)
    if any(step.outputs[1:]) or isinstance(value, Known) or not 0 <= ratio < 1:
        return (value, None)
    return (w.result("dropout", value, ratio, False), None)


def _softmax(name: str) -> Handler:
    def write(w: Writer, step: Step, x: Inputs) -> Results:
        value = needed(step, x, 0)
        axis = int(step.get("axis", -1 if w.opset >= 13 else 1)) % max(1, rank(value))
        if w.opset >= 13 or axis == rank(value) - 1:
            return w.result(name, value, axis)
        if not isinstance(value, Flow):
            raise BadModel("The network takes the softmax of a constant, in the manner of an old operator set.")
        sizes = [value.size(each) for each in range(axis, rank(value))]  # over all axes from there on, taken as one
        flat = w.call("flatten.using_ints", value, axis, -1)
        return w.result("unflatten.int", w.call(name, flat, -1), axis, sizes)

    return write


def _round(w: Writer, step: Step, x: Inputs) -> Results:
    return through(w, needed(step, x, 0), lambda value: w.call("round", value))


_PLAIN = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Erf": "erf", "Exp": "exp", "Log": "log", "Sqrt": "sqrt",
    "Abs": "abs", "Neg": "neg", "Reciprocal": "reciprocal", "Floor": "floor", "Ceil": "ceil", "Sign": "sign",
    "Sin": "sin", "Cos": "cos", "Softplus": "softplus", "HardSwish": "hardswish", "Mish": "mish",
    "Not": "logical_not",
}  # fmt: skip
_PAIRS = {
    "And": "logical_and", "Or": "logical_or", "Equal": "eq.Tensor", "Less": "lt.Tensor", "LessOrEqual": "le.Tensor",
    "Greater": "gt.Tensor", "GreaterOrEqual": "ge.Tensor",
}  # fmt: skip

ENTRYWISE: Mapping[str, Handler] = {
    **{op: _unary(name) for op, name in _PLAIN.items()},
    **{op: _two(name) for op, name in _PAIRS.items()},
    **{op: _arithmetic(op.lower()) for op in ("Add", "Sub", "Mul", "Div")},
    "LeakyRelu": _unary("leaky_relu", ("alpha", 0.01)),
    "Celu": _unary("celu", ("alpha", 1.0)),
    "Elu": _elu,
    "Selu": _selu,
    "HardSigmoid": _hard_sigmoid,
    "Gelu": _gelu,
    "Softsign": _softsign,
    "Erfc": _erfc,
    "Clip": _clip,
    "PRelu": _prelu,
    "Pow": _pow,
    "Mod": _mod,
    "Sum": _many("add"),
    "Max": _many("maximum"),
    "Min": _many("minimum"),
    "Where": _where,
    "Identity": _same,
    "Cast": _cast,
    "Dropout": _dropout,
    "Round": _round,
    "Softmax": _softmax("softmax.int"),
    "LogSoftmax": _softmax("log_softmax.int"),
}
