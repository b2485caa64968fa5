"""ONNX operations that pick entries: pieces, slices, places, rows of a table."""

from collections.abc import Mapping

import torch

from core.backends.pytorch.onnx_arguments import Handler, Results, constant, given, needed, pairs, rank, shaped, whole
from core.backends.pytorch.onnx_reading import Step
from core.backends.pytorch.onnx_writing import Flow, Known, Pair, Value, Writer, known
from core.errors import BadModel

Inputs = list[Value | None]


def _split(w: Writer, step: Step, x: Inputs) -> Results:
    value, axis = needed(step, x, 0), int(step.get("axis", 0))
    sizes, count = whole(step, x, 1, "split"), len(step.outputs)
    if sizes is None:
        first, second = pairs(value)[axis]
        if first != second or not first:
            raise BadModel("The network splits along the batch; that is not worked with.")
        piece = -(-first // count)
        sizes = [min(piece, first - piece * index) for index in range(count)]
    found: tuple[Value, ...] = w.call("split_with_sizes", value, sizes, axis)
    return found


def _slice(w: Writer, step: Step, x: Inputs) -> Results:
    value = needed(step, x, 0)
    starts, ends = whole_pairs(step, x, 1, "starts"), whole_pairs(step, x, 2, "ends")
    axes = whole(step, x, 3, "axes") or list(range(len(starts)))
    steps = whole(step, x, 4, "steps") or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise BadModel("The network has a slice with more starts than ends, or fewer.")
    for start, end, axis, stride in zip(starts, ends, axes, steps, strict=True):
        value = _sliced(w, value, axis % max(1, rank(value)), (start, end), stride)
    return value


def whole_pairs(step: Step, x: Inputs, position: int, name: str) -> list[Pair]:
    """As :func:`whole`, for numbers that may depend on the batch."""
    value = given(x, position)
    if value is None:
        return [(int(each), int(each)) for each in step.get(name, [])]
    return constant(step, value).numbers()


def _sliced(w: Writer, x: Value, axis: int, ends: tuple[Pair, Pair], stride: int) -> Value:
    size = pairs(x)[axis]
    spans = [range(size[which])[ends[0][which] : _end(ends[1][which], stride) : stride] for which in (0, 1)]
    if all(span == range(full) for span, full in zip(spans, size, strict=True)):
        return x
    if stride == -1 and all(span == range(full)[::-1] for span, full in zip(spans, size, strict=True)):
        return w.result("flip", x, [axis])
    if stride < 1:
        raise BadModel("The network slices backwards; that is worked with over a whole axis only.")
    begin, end = ((ends[0][0], ends[0][1]), (ends[1][0], ends[1][1]))
    bounds = [w.sizes([each])[0] if each[0] != each[1] else max(-(2**62), min(2**62, each[0])) for each in (begin, end)]
    return w.result("slice.Tensor", x, axis, *bounds, stride)


def _end(end: int, stride: int) -> int | None:
    return None if stride < 0 and end < -(2**30) else end


def _gather(w: Writer, step: Step, x: Inputs) -> Results:
    table, places = needed(step, x, 0), needed(step, x, 1)
    axis = int(step.get("axis", 0)) % max(1, rank(table))
    if isinstance(places, Flow):
        return _looked_up(w, step, table, places, axis)
    if isinstance(table, Known):
        return _picked(w, table, places, axis)
    if not places.fixed:
        raise BadModel("The network picks positions by the size of the batch; that is not worked with.")
    numbers = [each % max(1, pairs(table)[axis][0]) if each >= 0 else each for each in places.fixed_numbers()]
    if rank(places) == 0:
        return w.result("select.int", table, axis, numbers[0])
    if rank(places) == 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] >= 0:
        return _sliced(w, table, axis, ((numbers[0],) * 2, (numbers[0] + len(numbers),) * 2), 1)
    picked = w.result("index_select", table, axis, known(torch.tensor(numbers)))
    sizes = pairs(table)[:axis] + pairs(places) + pairs(table)[axis + 1 :]
    return shaped(w, picked, sizes)


def _picked(w: Writer, table: Known, places: Known, axis: int) -> Value:
    def pick(source: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        size = source.shape[axis]
        flat = where.reshape(-1).to(torch.int64)
        if flat.numel() and not (-size <= int(flat.min()) and int(flat.max()) < size):
            raise BadModel("The network picks entries that are not there.")
        shape = (*source.shape[:axis], *where.shape, *source.shape[axis + 1 :])
        return source.index_select(axis, flat % max(1, size)).reshape(shape)

    first = pick(table.first, places.first)
    second = first if table.fixed and places.fixed else pick(table.second, places.second)
    return Known(first, second, table.source)


def _looked_up(w: Writer, step: Step, table: Value, places: Flow, axis: int) -> Value:
    """Rows of a stored table: an embedding."""
    if isinstance(table, Known) and rank(table) == 2 and axis == 0 and table.first.is_floating_point():
        path = w.names.layer("Embedding", step.name, (table.source,))
        return w.result("embedding", w.keep(f"{path}.weight", table), places)
    if rank(places) <= 1:
        return w.result("index_select", table, axis, places)
    raise BadModel("The network looks up entries by its input along several axes; that is not worked with.")


def _reverse(w: Writer, step: Step, x: Inputs) -> Results:
    """Every sequence backwards; sequences that end early are another matter."""
    value, axis = needed(step, x, 0), int(step.get("time_axis", 0))
    lengths = constant(step, needed(step, x, 1))
    if {*lengths.first.reshape(-1).tolist(), *lengths.second.reshape(-1).tolist()} != {*pairs(value)[axis]}:
        raise BadModel("The network turns round sequences of different lengths; that is not worked with.")
    return w.result("flip", value, [axis])


PICKING: Mapping[str, Handler] = {
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "ReverseSequence": _reverse,
}
