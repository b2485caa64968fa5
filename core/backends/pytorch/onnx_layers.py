"""ONNX operations with weights of their own: dense, convolutions, normalisations; and pooling."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.backends.pytorch.onnx_arguments import (
    Handler,
    Results,
    alone,
    combined_bias,
    given,
    is_float,
    narrow,
    needed,
    rank,
    shaped,
    turn,
    widen,
)
from core.backends.pytorch.onnx_reading import Step
from core.backends.pytorch.onnx_writing import Flow, Known, Value, Writer
from core.errors import BadModel

Inputs = list[Value | None]
_POOLED = {1: "1d", 2: "2d", 3: "3d"}


def _gemm(w: Writer, step: Step, x: Inputs) -> Results:
    """alpha x' kernel' + beta bias."""
    value, kernel, bias = needed(step, x, 0), needed(step, x, 1), given(x, 2)
    alpha, beta = float(step.get("alpha", 1.0)), float(step.get("beta", 1.0))
    if step.get("transA", 0):
        value = turn(w, value, (1, 0))
    kernel = kernel if step.get("transB", 0) else w.result("t", kernel)
    kernel = kernel if alpha == 1 else w.result("mul.Scalar", kernel, alpha)
    if bias is not None and beta != 1:
        bias = w.result("mul.Scalar", bias, beta)
    return dense(w, step, value, kernel, bias)


def _matmul(w: Writer, step: Step, x: Inputs) -> Results:
    left, right, bias = needed(step, x, 0), needed(step, x, 1), given(x, 2)
    if isinstance(left, Flow) and isinstance(right, Known) and rank(right) == 2 and is_float(right):
        return dense(w, step, left, w.result("t", right), bias)
    found = w.result("matmul", left, right)
    return found if bias is None else w.result("add.Tensor", found, bias)


def _einsum(w: Writer, step: Step, x: Inputs) -> Results:
    return w.result("einsum", str(step.get("equation", "")), [needed(step, x, index) for index in range(len(x))])


def dense(w: Writer, step: Step, x: Value, kernel: Value, bias: Value | None) -> Value:
    """A fully connected layer where kernel ``(out, in)`` and bias are stored, else the product."""
    units = kernel.first.shape[0] if rank(kernel) == 2 else 0
    flat = combined_bias(bias, units)
    if not isinstance(kernel, Known) or not isinstance(x, Flow) or (bias is not None and flat is None):
        found = w.result("matmul", x, w.result("t", kernel))
        return found if bias is None else w.result("add.Tensor", found, bias)
    base = x.reshaped
    if base is not None and base.pairs[-1] == x.pairs[-1]:  # rows of all samples put together, only to be multiplied
        found = dense(w, step, base, kernel, bias)
        return shaped(w, found, [*x.pairs[:-1], (units, units)])
    sources = (kernel.source, "" if flat is None else flat.source)
    path = w.names.layer("Linear", step.name, sources)
    kept = w.keep(f"{path}.weight", kernel)
    if flat is not None:
        return w.result("linear", x, kept, w.keep(f"{path}.bias", flat))
    found = w.result("linear", x, kept, None)
    return w.noted(replace(found, dense=(x, path, kept))) if isinstance(found, Flow) else found


def _windows(step: Step, kernel: Sequence[int]) -> tuple[list[int], list[int]]:
    count = len(kernel)
    return list(step.get("strides", [1] * count)), list(step.get("dilations", [1] * count))


def _pads(step: Step, x: Flow, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Beginnings, then ends, one for each axis of the picture."""
    count = len(kernel)
    way = str(step.get("auto_pad", "NOTSET"))
    if way == "NOTSET":
        return list(step.get("pads", [0] * (2 * count)))
    if way == "VALID":
        return [0] * (2 * count)
    begins, ends = [], []
    for axis, (window, stride, dilation) in enumerate(zip(kernel, strides, dilations, strict=True)):
        size = x.size(axis + 2)
        total = max(0, (-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size)
        smaller, larger = total // 2, total - total // 2
        begins.append(smaller if way == "SAME_UPPER" else larger)
        ends.append(larger if way == "SAME_UPPER" else smaller)
    return [*begins, *ends]


def padded(w: Writer, x: Value, pads: Sequence[int], fill: float = 0.0) -> Value:
    """Rows put around the axes of the picture; ``pads`` as :func:`_pads` gives them."""
    count = len(pads) // 2
    order = [pads[axis + end * count] for axis in range(count - 1, -1, -1) for end in (0, 1)]
    return w.result("constant_pad_nd", x, order, fill) if any(order) else x


def _flowing(step: Step, x: Inputs) -> Flow:
    value = needed(step, x, 0)
    if not isinstance(value, Flow):
        raise BadModel(f'The operation "{step.op}" works on a constant; that is not worked with.')
    return value


def _conv(w: Writer, step: Step, x: Inputs) -> Results:
    value, kernel = _flowing(step, x), needed(step, x, 1)
    window = list(kernel.first.shape[2:])
    if len(window) not in _POOLED or rank(value) != len(window) + 2:
        raise BadModel(f"The network has a convolution over {len(window)} axes; 1 to 3 are worked with.")
    strides, dilations = _windows(step, window)
    pads = _pads(step, value, window, strides, dilations)
    kept = _stored(w, step, *_without(kernel, given(x, 2), idle := _idle(value, window, strides, pads)))
    value, (window, strides, dilations, pads) = _lined(w, value, idle, (window, strides, dilations, pads))
    count = len(window)
    whole: Value = value
    if pads[:count] != pads[count:]:
        whole, pads = padded(w, value, pads), [0] * (2 * count)
    found = w.result(f"conv{count}d", whole, *kept, strides, pads[:count], dilations, int(step.get("group", 1)))
    return found if idle is None else widen(w, found, idle)


def _idle(x: Flow, window: list[int], strides: list[int], pads: list[int]) -> int | None:
    """The axis of 1 that tf2onnx puts in to have a line taken for a picture; None where there is none."""
    base = x.turned[0] if x.turned is not None else x
    if len(window) != 2 or base.widened is None:
        return None
    return next((axis + 2 for axis in (0, 1) if x.pairs[axis + 2] == (1, 1) and window[axis] == strides[axis] == 1
                 and pads[axis] == pads[axis + 2] == 0), None)  # fmt: skip


def _without(kernel: Value, bias: Value | None, axis: int | None) -> tuple[Value, Value | None]:
    if axis is None or not isinstance(kernel, Known):
        return kernel, bias
    return Known(kernel.first.squeeze(axis), kernel.second.squeeze(axis), kernel.source), bias


def _lined(w: Writer, x: Flow, axis: int | None, how: tuple[list[int], ...]) -> tuple[Flow, tuple[list[int], ...]]:
    """A picture of one row, and what is said of both its axes, as a line."""
    if axis is None:
        return x, how
    left = 3 - axis
    line = narrow(w, x, axis)
    assert isinstance(line, Flow)  # of a value that is one
    return line, tuple([values[left]] if len(values) == 2 else [values[left], values[left + 2]] for values in how)


def _stored(w: Writer, step: Step, kernel: Value, bias: Value | None) -> tuple[Any, Any]:
    """Kernel and bias as a layer's own, where both are stored tensors."""
    if not isinstance(kernel, Known) or isinstance(bias, Flow):
        return kernel, bias
    path = w.names.layer(step.op, step.name, (kernel.source, "" if bias is None else bias.source))
    return w.keep(f"{path}.weight", kernel), None if bias is None else w.keep(f"{path}.bias", bias)


def _conv_transpose(w: Writer, step: Step, x: Inputs) -> Results:
    value, kernel = _flowing(step, x), needed(step, x, 1)
    window = list(kernel.first.shape[2:])
    count = len(window)
    if count not in _POOLED or rank(value) != count + 2:
        raise BadModel(f"The network has a transposed convolution over {count} axes; 1 to 3 are worked with.")
    strides, dilations = _windows(step, window)
    extra = list(step.get("output_padding", [0] * count))
    pads = _transposed_pads(step, value, window, strides, dilations, extra)
    begins, ends = pads[:count], pads[count:]
    alike = begins == ends
    kept = _stored(w, step, kernel, given(x, 2))
    inside = begins if alike else [0] * count
    name = f"conv_transpose{count}d" + (".input" if count > 1 else "")
    groups = int(step.get("group", 1))
    found = w.result(name, value, *kept, strides, inside, extra, groups, dilations)
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if not alike and (begin or end):
            found = w.result("slice.Tensor", found, axis + 2, begin, -end if end else None, 1)
    return found


def _transposed_pads(
    step: Step, x: Flow, window: list[int], strides: list[int], dilations: list[int], extra: list[int]
) -> list[int]:
    way, shape = str(step.get("auto_pad", "NOTSET")), step.get("output_shape")
    if way not in ("SAME_UPPER", "SAME_LOWER") and shape is None:
        return list(step.get("pads", [0] * (2 * len(window)))) if way == "NOTSET" else [0] * (2 * len(window))
    begins, ends = [], []
    for axis, stride in enumerate(strides):
        size = x.size(axis + 2)
        wanted = shape[axis - len(strides)] if shape is not None else size * stride
        total = stride * (size - 1) + extra[axis] + (window[axis] - 1) * dilations[axis] + 1 - wanted
        if total < 0:
            raise BadModel("The network has a transposed convolution that gives more than it has; it is not opened.")
        smaller, larger = total // 2, total - total // 2
        begins.append(smaller if way == "SAME_UPPER" else larger)
        ends.append(larger if way == "SAME_UPPER" else smaller)
    return [*begins, *ends]


def _pool(largest: bool) -> Handler:
    def write(w: Writer, step: Step, x: Inputs) -> Results:
        alone(step)
        value = _flowing(step, x)
        window = list(step.get("kernel_shape", []))
        count = len(window)
        if count not in _POOLED or rank(value) != count + 2:
            raise BadModel(f"The network has a pooling over {count} axes; 1 to 3 are worked with.")
        strides, dilations = _windows(step, window)
        pads = _pads(step, value, window, strides, dilations)
        ceil = bool(step.get("ceil_mode", 0))
        idle = _idle(value, window, strides, pads)
        value, (window, strides, dilations, pads) = _lined(w, value, idle, (window, strides, dilations, pads))
        if not largest and any(each != 1 for each in dilations):
            raise BadModel("The network has an average over windows with gaps; that is not worked with.")
        how = (window, strides, dilations, pads)
        found = _pooled(w, value, how, ceil, largest, bool(step.get("count_include_pad")))
        return found if idle is None else widen(w, found, idle)

    return write


def _pooled(w: Writer, x: Flow, how: tuple[list[int], ...], ceil: bool, largest: bool, counted: bool) -> Value:
    window, strides, dilations, pads = how
    count = len(window)
    begins, ends = pads[:count], pads[count:]
    whole: Value = x
    spans = [(size - 1) * dilation + 1 for size, dilation in zip(window, dilations, strict=True)]
    ends_late = all(
        begin <= end < begin + stride and _steps(x, axis, span, stride, (begin, end)) == _steps(
            x, axis, span, stride, (begin, begin), ceil=True)
        for axis, (begin, end, stride, span) in enumerate(zip(begins, ends, strides, spans, strict=True))
    )  # fmt: skip
    inside = begins
    if begins != ends or any(2 * begin > size for begin, size in zip(begins, window, strict=True)):
        if ends_late and not ceil and not counted and all(2 * b <= s for b, s in zip(begins, window, strict=True)):
            ceil = True  # the last windows reach over the edge, which is what the wider end is for
        elif largest or counted:
            whole, inside = padded(w, x, pads, float("-inf") if largest else 0.0), [0] * count
        else:
            raise BadModel("The network has an average over windows that are padded unevenly; that is not worked with.")
    if largest:
        return w.result(f"max_pool{_POOLED[count]}", whole, window, strides, inside, dilations, ceil)
    return w.result(f"avg_pool{_POOLED[count]}", whole, window, strides, inside, ceil, counted)


def _steps(x: Flow, axis: int, span: int, stride: int, pads: tuple[int, int], *, ceil: bool = False) -> list[int]:
    """Windows along an axis at either batch size."""
    found = []
    for size in x.pairs[axis + 2]:
        room = size + sum(pads) - span
        steps = (-(-room // stride) if ceil else room // stride) + 1
        if ceil and (steps - 1) * stride >= size + pads[0]:
            steps -= 1
        found.append(steps)
    return found


def _global(name: str) -> Handler:
    def write(w: Writer, step: Step, x: Inputs) -> Results:
        value = needed(step, x, 0)
        return w.result(name, value, list(range(2, rank(value))), True)

    return write


def _batch_norm(w: Writer, step: Step, x: Inputs) -> Results:
    value = needed(step, x, 0)
    if step.get("training_mode", 0):
        raise BadModel("The network was exported while training. Export it evaluating: model.eval().")
    parts = [given(x, position) for position in range(1, 5)]
    momentum = 1 - float(step.get("momentum", 0.9))
    epsilon = float(step.get("epsilon", 1e-5))
    if not all(isinstance(part, Known) for part in parts):
        raise BadModel(
            "The network normalises by statistics that it works out from its input; that is not worked with."
        )
    stored = [part for part in parts if isinstance(part, Known)]
    path = w.names.layer(step.op, step.name, tuple(part.source for part in stored))
    names = ("weight", "bias", "running_mean", "running_var")
    kept = [w.keep(f"{path}.{name}", part, name[:3] != "run") for name, part in zip(names, stored, strict=True)]
    return (w.result("batch_norm", value, *kept, False, momentum, epsilon, True),) + (None,) * (len(step.outputs) - 1)


def _affine(w: Writer, step: Step, scale: Value | None, shift: Value | None) -> tuple[Any, Any]:
    return (scale, shift) if scale is None else _stored(w, step, scale, shift)


def _layer_norm(w: Writer, step: Step, x: Inputs) -> Results:
    value = _flowing(step, x)
    axis = int(step.get("axis", -1)) % rank(value)
    shape = [value.size(each) for each in range(axis, rank(value))]
    parts = [_shaped(each, shape) for each in (given(x, 1), given(x, 2))]
    kept = _affine(w, step, *parts)
    found = w.result("layer_norm", value, shape, *kept, float(step.get("epsilon", 1e-5)), True)
    return (found,) + (None,) * (len(step.outputs) - 1)


def _shaped(part: Value | None, shape: list[int]) -> Value | None:
    if not isinstance(part, Known) or list(part.first.shape) == shape:
        return part
    tensor = part.first.broadcast_to(shape).contiguous()
    return Known(tensor, tensor, part.source)


def _instance_norm(w: Writer, step: Step, x: Inputs) -> Results:
    kept = _affine(w, step, given(x, 1), given(x, 2))
    epsilon = float(step.get("epsilon", 1e-5))
    return w.result("instance_norm", needed(step, x, 0), *kept, None, None, True, 0.0, epsilon, True)


def _group_norm(w: Writer, step: Step, x: Inputs) -> Results:
    value, groups = _flowing(step, x), int(step.get("num_groups", 1))
    kept = _affine(w, step, given(x, 1), given(x, 2))
    return w.result("group_norm", value, groups, *kept, float(step.get("epsilon", 1e-5)), True)


LAYERS: Mapping[str, Handler] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Einsum": _einsum,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _pool(True),
    "AveragePool": _pool(False),
    "GlobalAveragePool": _global("mean.dim"),
    "GlobalMaxPool": _global("amax"),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
}
