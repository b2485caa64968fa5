"""ONNX operations that move entries about, or ask for shapes."""

import math
from collections.abc import Mapping

import torch

from core.backends.pytorch.onnx_arguments import (
    Handler,
    Results,
    constant,
    given,
    narrow,
    needed,
    number,
    pairs,
    rank,
    shaped,
    turn,
    whole,
    widen,
)
from core.backends.pytorch.onnx_reading import Step
from core.backends.pytorch.onnx_writing import Flow, Known, Pair, Value, Writer, known
from core.errors import BadModel

Inputs = list[Value | None]


def _reshape(w: Writer, step: Step, x: Inputs) -> Results:
    value = needed(step, x, 0)
    given_shape = given(x, 1)
    told = [(size, size) for size in step.get("shape", [])] if given_shape is None else (
        constant(step, given_shape).numbers())  # fmt: skip
    before, keeps = pairs(value), not step.get("allowzero", 0)
    if sum(size == (-1, -1) for size in told) > 1 or any(a < -1 for a, _ in told):
        raise BadModel("The network has a reshape to sizes below nothing.")
    wanted = [before[axis] if size == (0, 0) and keeps and axis < len(before) else size
              for axis, size in enumerate(told)]  # fmt: skip
    if (-1, -1) in wanted:
        axis = wanted.index((-1, -1))
        wanted[axis] = (_rest(before, wanted, 0), _rest(before, wanted, 1))
    for which in (0, 1):
        if math.prod(size[which] for size in wanted) != math.prod(size[which] for size in before):
            raise BadModel(f"The network reshapes {[size[which] for size in before]} to what does not fit it.")
    return shaped(w, value, wanted)


def _rest(before: list[Pair], wanted: list[Pair], which: int) -> int:
    others = math.prod(size[which] for size in wanted if size != (-1, -1))
    return math.prod(size[which] for size in before) // max(1, others)


def _flatten(w: Writer, step: Step, x: Inputs) -> Results:
    value = needed(step, x, 0)
    axis = int(step.get("axis", 1))
    axis = axis + rank(value) if axis < 0 else axis
    before = pairs(value)
    return shaped(w, value, [_product(before[:axis]), _product(before[axis:])])


def _product(sizes: list[Pair]) -> Pair:
    return math.prod(a for a, _ in sizes), math.prod(b for _, b in sizes)


def _transpose(w: Writer, step: Step, x: Inputs) -> Results:
    value = needed(step, x, 0)
    order = step.get("perm", list(range(rank(value)))[::-1])
    if sorted(order) != list(range(rank(value))):
        raise BadModel(f"The network permutes {rank(value)} axes as {order}.")
    return turn(w, value, order)


def _squeeze(w: Writer, step: Step, x: Inputs) -> Results:
    value = needed(step, x, 0)
    axes = whole(step, x, 1, "axes")
    if axes is None:
        axes = [axis for axis, size in enumerate(pairs(value)) if size == (1, 1)]
    for axis in sorted({axis % max(1, rank(value)) for axis in axes}, reverse=True):
        if pairs(value)[axis] != (1, 1):
            raise BadModel(f"The network drops an axis of the size {pairs(value)[axis][0]}; only one of 1 can go.")
        value = narrow(w, value, axis)
    return value


def _unsqueeze(w: Writer, step: Step, x: Inputs) -> Results:
    value = needed(step, x, 0)
    axes = whole(step, x, 1, "axes") or []
    total = rank(value) + len(axes)
    for axis in sorted(axis % total for axis in axes):
        value = widen(w, value, axis)
    return value


def _concat(w: Writer, step: Step, x: Inputs) -> Results:
    parts = [needed(step, x, position) for position in range(len(x))]
    axis = int(step.get("axis", 1))
    orders = {part.turned[1] if isinstance(part, Flow) and part.turned else None for part in parts}
    if len(orders) == 1 and None not in orders:
        bases = [part.turned for part in parts if isinstance(part, Flow) and part.turned]
        order = bases[0][1]
        joined = w.result("cat", [base for base, _ in bases], order[axis % len(order)])
        return turn(w, joined, order)
    return parts[0] if len(parts) == 1 else w.result("cat", parts, axis)


def _pad(w: Writer, step: Step, x: Inputs) -> Results:
    value = needed(step, x, 0)
    pads = whole(step, x, 1, "pads") or []
    axes = whole(step, x, 3, "axes") or list(range(rank(value)))
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(str(step.get("mode", "constant")))
    if mode is None or len(pads) != 2 * len(axes):
        raise BadModel("The network pads in a way that is not worked with.")
    around = {axis % rank(value): (pads[index], pads[index + len(axes)]) for index, axis in enumerate(axes)}
    order = [size for axis in range(rank(value) - 1, -1, -1) for size in around.get(axis, (0, 0))]
    while order[-2:] == [0, 0]:
        order = order[:-2]
    fill = number(given(x, 2))
    if mode == "constant":
        return w.result("constant_pad_nd", value, order, float(step.get("value", 0.0) if fill is None else fill))
    return w.result("pad", value, order, mode)


def _shape(w: Writer, step: Step, x: Inputs) -> Results:
    sizes = pairs(needed(step, x, 0))[slice(step.get("start", 0), step.get("end"))]
    return numbers(sizes)


def numbers(sizes: list[Pair]) -> Known:
    """Sizes as a list of whole numbers."""
    first = torch.tensor([a for a, _ in sizes], dtype=torch.int64)
    same = all(a == b for a, b in sizes)
    return Known(first, first if same else torch.tensor([b for _, b in sizes], dtype=torch.int64))


def _size(w: Writer, step: Step, x: Inputs) -> Results:
    total = numbers([_product(pairs(needed(step, x, 0)))])
    return Known(total.first[0], total.first[0] if total.fixed else total.second[0])


def _constant(w: Writer, step: Step, x: Inputs) -> Results:
    for name, value in step.settings.items():
        if isinstance(value, torch.Tensor):
            return known(value)
        if name in ("value_float", "value_floats"):
            return known(torch.tensor(value, dtype=torch.float32))
        if name in ("value_int", "value_ints"):
            return known(torch.tensor(value, dtype=torch.int64))
    raise BadModel("The network has a constant that is no number.")


def _constant_of_shape(w: Writer, step: Step, x: Inputs) -> Results:
    fill = step.get("value")
    fill = torch.zeros(1) if fill is None else fill.reshape(-1)[:1]
    return _grown(w, known(fill.reshape(())), constant(step, needed(step, x, 0)).numbers())


def _expand(w: Writer, step: Step, x: Inputs) -> Results:
    value, wanted = needed(step, x, 0), constant(step, needed(step, x, 1)).numbers()
    return _grown(w, value, wanted)


def _grown(w: Writer, x: Value, wanted: list[Pair]) -> Value:
    before = pairs(x)
    length = max(len(before), len(wanted))
    before = [(1, 1)] * (length - len(before)) + before
    wanted = [(1, 1)] * (length - len(wanted)) + wanted
    sizes = [own if want == (1, 1) else want for own, want in zip(before, wanted, strict=True)]
    if isinstance(x, Known):
        for which in (0, 1):
            if math.prod(size[which] for size in sizes) > 1 << 28:
                raise BadModel("The network makes a constant that is too large.")
        first, second = (tensor.expand([size[which] for size in sizes])
                         for which, tensor in enumerate((x.first, x.second)))  # fmt: skip
        fixed = x.first is x.second and first.shape == second.shape
        return Known(first, first if fixed else second, x.source)
    return x if sizes == pairs(x) else w.result("expand", x, w.sizes(sizes))


def _tile(w: Writer, step: Step, x: Inputs) -> Results:
    value, times = needed(step, x, 0), whole(step, x, 1, "repeats") or []
    return value if all(each == 1 for each in times) else w.result("repeat", value, times)


def _range(w: Writer, step: Step, x: Inputs) -> Results:
    ends = [constant(step, needed(step, x, position)) for position in range(3)]
    made = []
    for which in (0, 1):
        start, stop, stride = ((end.second if which else end.first).reshape(()).item() for end in ends)
        if stride == 0 or abs((stop - start) / stride) > 1 << 24:
            raise BadModel("The network counts further than is worked with.")
        made.append(torch.arange(start, stop, stride, dtype=ends[0].first.dtype))
    return Known(made[0], made[0] if torch.equal(made[0], made[1]) else made[1])


def _reduce(name: str) -> Handler:
    def write(w: Writer, step: Step, x: Inputs) -> Results:
        value, axes = needed(step, x, 0), whole(step, x, 1, "axes")
        if not axes and step.get("noop_with_empty_axes", 0):
            return value
        axes = [axis % max(1, rank(value)) for axis in axes or range(rank(value))]
        return _reduced(w, name, value, axes, bool(step.get("keepdims", 1)))

    return write


def _reduced(w: Writer, name: str, x: Value, axes: list[int], keep: bool) -> Value:
    if isinstance(x, Flow) and x.turned is not None:
        base, order = x.turned
        left = [axis for index, axis in enumerate(order) if keep or index not in axes]
        order = order if keep else tuple(sorted(left).index(axis) for axis in left)
        return turn(w, _reduced(w, name, base, [x.turned[1][axis] for axis in axes], keep), order)
    if name == "sum_square":
        return w.result("sum.dim_IntList", w.result("square", x), axes, keep)
    if name == "l2":
        return w.result("sqrt", w.result("sum.dim_IntList", w.result("square", x), axes, keep))
    if name == "prod":
        for axis in sorted(axes, reverse=True):
            x = w.result("prod.dim_int", x, axis, keep)
        return x
    return w.result(name, x, axes, keep)


def _arg(name: str) -> Handler:
    def write(w: Writer, step: Step, x: Inputs) -> Results:
        return w.result(name, needed(step, x, 0), int(step.get("axis", 0)), bool(step.get("keepdims", 1)))

    return write


SHAPES: Mapping[str, Handler] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Pad": _pad,
    "Shape": _shape,
    "Size": _size,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
    "ReduceMean": _reduce("mean.dim"),
    "ReduceSum": _reduce("sum.dim_IntList"),
    "ReduceMax": _reduce("amax"),
    "ReduceMin": _reduce("amin"),
    "ReduceProd": _reduce("prod"),
    "ReduceSumSquare": _reduce("sum_square"),
    "ReduceL2": _reduce("l2"),
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
}
