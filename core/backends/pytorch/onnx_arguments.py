"""What handlers of ONNX operations share: looking at arguments, turning and squeezing so that opposites cancel."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from core.backends.pytorch.onnx_reading import Step
from core.backends.pytorch.onnx_writing import Flow, Known, Pair, Value, Writer
from core.errors import BadModel

#: One or several results; None for one that is not worked out.
Results = Value | tuple[Value | None, ...]
#: Writes one operation down.
Handler = Callable[[Writer, Step, list[Value | None]], Results]


def given(x: Sequence[Value | None], position: int) -> Value | None:
    """An argument that may be left out."""
    return x[position] if position < len(x) else None


def needed(step: Step, x: Sequence[Value | None], position: int) -> Value:
    """An argument that must be there."""
    found = given(x, position)
    if found is None:
        raise BadModel(f'The operation "{step.op}" lacks one of its inputs.')
    return found


def constant(step: Step, value: Value | None) -> Known:
    """An argument that must not depend on the samples."""
    if not isinstance(value, Known):
        raise BadModel(f'The operation "{step.op}" takes settings that the network works out from its input.')
    return value


def whole(step: Step, x: Sequence[Value | None], position: int, name: str) -> list[int] | None:
    """A list of whole numbers, a setting in old files and an input in new ones."""
    value = given(x, position)
    if value is None:
        found = step.get(name)
        return [found] if isinstance(found, int) else found
    return constant(step, value).fixed_numbers()


def rank(value: Value) -> int:
    """Axes."""
    return value.first.dim()


def pairs(value: Value) -> list[Pair]:
    """Every axis' size at either batch size."""
    return list(zip(value.first.shape, value.second.shape, strict=True))


def number(value: Value | None, most_axes: int = 16) -> float | int | None:
    """A constant of one entry as a plain number."""
    if isinstance(value, Known) and value.first.numel() == 1 and rank(value) <= most_axes and value.fixed:
        return value.first.reshape(()).item()
    return None


def is_float(value: Value) -> bool:
    """Whether the entries are fractions."""
    return value.first.is_floating_point()


def alone(step: Step) -> None:
    """Only the first result is worked out; refuse where somebody wants another.

    Raises:
        BadModel: One is asked for.
    """
    if any(step.outputs[1:]):
        raise BadModel(f'The operation "{step.op}" gives more than one result; only the first is worked with.')


def turn(w: Writer, x: Value, order: Sequence[int]) -> Value:
    """A permutation of the axes; one after another becomes one, and opposites cancel."""
    axes = [axis % rank(x) for axis in order]
    if axes == list(range(rank(x))):
        return x
    if isinstance(x, Flow) and x.turned is not None:
        base, before = x.turned
        return turn(w, base, [before[axis] for axis in axes])
    made = w.call("permute", x, axes)
    if isinstance(x, Flow):
        return w.noted(Flow(made.name, made.first, made.second, turned=(x, tuple(axes))))
    assert isinstance(made, Known)  # constants fold
    return made


def widen(w: Writer, x: Value, axis: int) -> Value:
    """An axis of 1 put in."""
    axis %= rank(x) + 1
    made: Value = w.call("unsqueeze", x, axis)
    if isinstance(made, Flow) and isinstance(x, Flow):
        return w.noted(Flow(made.name, made.first, made.second, widened=(x, axis)))
    return made


def narrow(w: Writer, x: Value, axis: int) -> Value:
    """An axis of 1 taken out."""
    axis %= rank(x)
    if isinstance(x, Flow) and x.turned is not None:
        base, order = x.turned
        gone = order[axis]
        left = [each - (each > gone) for index, each in enumerate(order) if index != axis]
        return turn(w, narrow(w, base, gone), left)
    if isinstance(x, Flow) and x.widened is not None and x.widened[1] == axis:
        return x.widened[0]
    made: Value = w.call("squeeze.dim", x, axis)
    return made


def through(w: Writer, x: Value, operation: Callable[[Value], Any]) -> Value:
    """An operation on every entry by itself; of a permutation, the permutation of the operation."""
    if isinstance(x, Flow) and x.turned is not None:
        base, order = x.turned
        return turn(w, operation(base), order)
    made: Value = operation(x)
    return made


def aligned(value: Known, axes: int, order: Sequence[int]) -> Known:
    """A constant laid out for the value that ``order`` permutes."""
    back = [list(order).index(axis) for axis in range(axes)]

    def lay(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.reshape((1,) * (axes - tensor.dim()) + tuple(tensor.shape)).permute(back)

    return Known(lay(value.first), lay(value.second), value.source)


def combined_bias(bias: Value | None, units: int) -> Known | None:
    """A bias as one number for each unit, if it is that."""
    if not isinstance(bias, Known) or not bias.fixed or bias.first.numel() not in (1, units):
        return None
    leading = bias.first.shape[:-1]
    if any(size != 1 for size in leading):
        return None
    tensor = bias.first.reshape(-1).expand(units).contiguous()
    return Known(tensor, tensor, bias.source)


def shaped(w: Writer, x: Value, wanted: list[Pair]) -> Value:
    """A row-major reshape. One that only drops or adds an axis of 1 is written so, for these cancel."""
    before = pairs(x)
    if wanted == before:
        return x
    if isinstance(x, Known):
        first, second = (x.first.reshape([a for a, _ in wanted]), x.second.reshape([b for _, b in wanted]))
        return Known(first, first if x.first is x.second and first.shape == second.shape else second, x.source)
    for axis, size in reversed([*enumerate(before)]):  # the batch, should it be of 1, goes last
        if size == (1, 1) and before[:axis] + before[axis + 1 :] == wanted:
            return narrow(w, x, axis)
    for axis, size in reversed([*enumerate(wanted)]):
        if size == (1, 1) and wanted[:axis] + wanted[axis + 1 :] == before:
            return widen(w, x, axis)
    root = x
    while root.reshaped is not None:
        root = root.reshaped
    if wanted == pairs(root):
        return root
    as_turned = _turned(before, wanted)
    if as_turned is not None:
        return turn(w, x, as_turned)
    made = w.result("reshape", root, w.sizes(wanted, rest=True))
    return w.noted(replace(made, reshaped=root)) if isinstance(made, Flow) else made


def _turned(before: list[Pair], wanted: list[Pair]) -> list[int] | None:
    """The permutation that a reshape is which only moves axes of 1 about; None if it is more."""
    if len(before) != len(wanted) or sorted(before) != sorted(wanted):
        return None
    wide = [axis for axis, size in enumerate(before) if size != (1, 1)]
    if [before[axis] for axis in wide] != [size for size in wanted if size != (1, 1)]:
        return None
    ones = iter([axis for axis, size in enumerate(before) if size == (1, 1)])
    others = iter(wide)
    return [next(ones) if size == (1, 1) else next(others) for size in wanted]
