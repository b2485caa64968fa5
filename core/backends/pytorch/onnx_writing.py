"""ONNX operations written down as the ``aten`` operations of an exported program.

Every value is worked out twice, for two batch sizes, as shapes only (on the meta device). What does not depend on the
samples is computed at once: constants fold, and so do chains of Shape, Gather and Concat. Where such a number differs
between the two, it is the batch (or another free size), and is written so; where it does not, it is that number.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from core.backends.pytorch.onnx_names import Names
from core.backends.pytorch.operators import constant, find
from core.backends.pytorch.program import Call, Program, Ref, Tagged, TensorSpec
from core.backends.pytorch.reading import Exported
from core.backends.pytorch.tracing import FAILURES
from core.errors import BadModel, PruneError, first_line

#: Most entries of a value, for the trial batches, and of one that is computed while reading.
_MOST_ENTRIES = 1 << 33
_MOST_FOLDED = 1 << 28
#: The schema's number of each type (``torch/_export/serde/schema.py``).
SCHEMA = {torch.uint8: 1, torch.int8: 2, torch.int16: 3, torch.int32: 4, torch.int64: 5, torch.float16: 6,
          torch.float32: 7, torch.float64: 8, torch.bool: 12, torch.bfloat16: 13}  # fmt: skip
Pair = tuple[int, int]


@dataclass(frozen=True)
class Known:
    """Numbers that do not depend on the samples, for either batch size. ``source`` is the stored tensor behind them."""

    first: torch.Tensor
    second: torch.Tensor
    source: str = ""

    @property
    def fixed(self) -> bool:
        """Whether the batch size makes no difference."""
        same = self.first is self.second
        return same or (self.first.shape == self.second.shape and torch.equal(self.first, self.second))

    def numbers(self) -> list[Pair]:
        """Whole numbers, each for either batch size."""
        first, second = self.first.reshape(-1).tolist(), self.second.reshape(-1).tolist()
        if len(first) != len(second):
            raise BadModel("The network has a list whose length depends on the size of the batch.")
        return [(int(a), int(b)) for a, b in zip(first, second, strict=True)]

    def fixed_numbers(self) -> list[int]:
        """Whole numbers that must not depend on the batch size."""
        if not self.fixed:
            raise BadModel("The network chooses axes or positions by the size of the batch; that is not worked with.")
        return [a for a, _ in self.numbers()]


@dataclass(frozen=True)
class Flow:
    """A value that depends on the samples: its name, and its shape at either batch size.

    ``turned`` says of which value it is a permutation, ``widened`` of which it is one with an axis of 1 put in,
    ``reshaped`` of which it is a reshape, so that an operation and its inverse cancel. ``dense`` says of which input
    and kernel (its path, and the tensor) it is the product without a bias, for one that may be added later.
    """

    name: str
    first: torch.Tensor
    second: torch.Tensor
    turned: "tuple[Flow, tuple[int, ...]] | None" = None
    widened: "tuple[Flow, int] | None" = None
    reshaped: "Flow | None" = None
    dense: "tuple[Flow, str, Kept] | None" = None

    @property
    def rank(self) -> int:
        """Axes."""
        return self.first.dim()

    @property
    def pairs(self) -> list[Pair]:
        """Every axis' size, for either batch size."""
        return list(zip(self.first.shape, self.second.shape, strict=True))

    def size(self, axis: int) -> int:
        """The size of an axis that must not depend on the batch."""
        first, second = self.pairs[axis]
        if first != second:
            raise BadModel("The network needs a fixed size where it takes any; export it with that size fixed.")
        return first


Value = Known | Flow


def known(tensor: torch.Tensor, source: str = "") -> Known:
    """Numbers that do not depend on the batch."""
    return Known(tensor, tensor, source)


class Writer:
    """Collects the calls of a program, and its tensors."""

    def __init__(self) -> None:
        self.names = Names()
        self.inputs: list[tuple[str, TensorSpec]] = []
        self.calls: list[Call] = []
        self.tensors: dict[str, torch.Tensor] = {}
        self.stored: dict[str, str] = {}
        self.label = "call"
        self.opset = 18
        #: Every value that depends on the samples, and which stored tensor of the file each tensor came from.
        self.flows: dict[str, Flow] = {}
        self.sources: dict[str, str] = {}
        self._kept: dict[Any, Ref] = {}
        self._free: list[tuple[str, int, Pair]] = []
        self._sizes: dict[tuple[str, int, int], Ref] = {}
        self._count = itertools.count()

    def program(self, outputs: list[Flow]) -> Exported:
        """What was written, as reading a ``.pt2`` gives it."""
        names = tuple(output.name for output in outputs)
        wanted = {*names}
        calls = []
        for call in reversed(self.calls):
            if wanted.intersection(call.outputs):
                calls.append(call)
                wanted.update(taken(call))
        stored = {name: path for name, path in self.stored.items() if name in wanted}
        tensors = {path: self.tensors[path] for path in stored.values()}
        buffers = frozenset(path for path, tensor in tensors.items() if not isinstance(tensor, torch.nn.Parameter))
        return Exported(Program(tuple(self.inputs), stored, tuple(calls[::-1]), names, buffers), tensors)

    def input(self, name: str, dtype: torch.dtype, sizes: tuple[int | None, ...], trials: tuple[Any, Any]) -> Flow:
        """One of the network's inputs; ``trials`` are its shapes at the two batch sizes."""
        name = self.names.value(name)
        self.inputs.append((name, TensorSpec(SCHEMA[dtype], sizes, (), 0)))
        first, second = (torch.empty(shape, dtype=dtype, device="meta") for shape in trials)
        flow = self.noted(Flow(name, first, second))
        self._free += [(name, axis, pair) for axis, pair in enumerate(flow.pairs) if pair[0] != pair[1]]
        return flow

    def result(self, operation: str, *args: Any, **named: Any) -> Value:
        """:meth:`call` for an operation that gives one value."""
        found = self.call(operation, *args, **named)
        assert isinstance(found, Known | Flow)  # of this operation, the caller knows
        return found

    def noted(self, flow: Flow) -> Flow:
        """The same value, to be found by its name."""
        self.flows[flow.name] = flow
        return flow

    def call(self, operation: str, *args: Any, **named: Any) -> Any:
        """Carry out or write down ``aten.OPERATION``; gives a value, or a tuple of them.

        Args:
            operation: "relu", or with its overload "add.Tensor".
            args: Values, numbers, constants, sizes, and lists of these.
            named: Numbers, texts and constants.
        """
        target = f"torch.ops.aten.{operation}" + ("" if "." in operation else ".default")
        run = find(target)
        assert run is not None  # no check is ever written
        values = list(_values(args))
        try:
            settings = {name: _plain(value, 0, _shapes) for name, value in named.items()}
            first = run(*_shapes(args, 0), **settings)
            if not any(isinstance(value, Flow) for value in values):
                return self._folded(partial(run, **settings), args, first, values)
            second = run(*_shapes(args, 1), **settings)
        except PruneError:
            raise
        except FAILURES as err:
            said = f'The network\'s operation "{self.label}" does not fit its inputs: {first_line(err)}'
            raise BadModel(said) from err
        return self._written(target, args, named, first, second)

    def _folded(self, run: Any, args: Any, shape: Any, values: list[Any]) -> Any:
        _limit(shape, _MOST_FOLDED)
        source = next((value.source for value in values if value.source), "")
        first = run(*_numbers(args, 0))
        fixed = all(value.fixed for value in values)
        second = first if fixed else run(*_numbers(args, 1))
        if isinstance(first, torch.Tensor):
            return Known(first, second, source)
        return tuple(Known(a, b, source) for a, b in zip(first, second, strict=True))

    def _written(self, target: str, args: Any, named: dict[str, Any], first: Any, second: Any) -> Any:
        _limit(first, _MOST_ENTRIES)
        several = not isinstance(first, torch.Tensor)
        firsts, seconds = (first, second) if several else ((first,), (second,))
        names = tuple(f"value_{next(self._count)}" for _ in firsts)
        self.calls.append(Call(self.names.call(self.label), target, self._refs(args), named, names, several, ()))
        flows = tuple(self.noted(Flow(*each)) for each in zip(names, firsts, seconds, strict=True))
        return flows if several else flows[0]

    def _refs(self, args: Any) -> tuple[Any, ...]:
        return tuple(self._ref(argument) for argument in args)

    def _ref(self, argument: Any) -> Any:
        if isinstance(argument, Flow):
            return Ref(argument.name)
        if isinstance(argument, Kept):
            return argument.ref
        if isinstance(argument, Size):
            return argument.ref
        if isinstance(argument, Known):
            return self._stored(argument)
        return [self._ref(item) for item in argument] if isinstance(argument, list | tuple) else argument

    def _stored(self, value: Known) -> Ref:
        """A constant operand: a parameter where the file stores it as numbers that can be trained."""
        if not value.fixed:
            return self._spread(value)
        tensor = value.first
        trained = bool(value.source) and tensor.is_floating_point() and tensor.numel() > 1
        path = self.names.constant(value.source)
        return self.keep(path, value, trained and bool(torch.isfinite(tensor).all())).ref

    def _spread(self, value: Known) -> Ref:
        """The same numbers as often as there are samples."""
        axes = [axis for axis, (a, b) in enumerate(zip(value.first.shape, value.second.shape, strict=False)) if a != b]
        once = value.first
        for axis in axes:
            once = once.narrow(axis, 0, min(1, once.shape[axis]))
        both = (value.first, value.second)
        if not axes or not once.numel() or any(_differs(once, each) for each in both):
            raise BadModel("The network computes with the size of the batch itself; that is not worked with.")
        sizes = self._ref(self.sizes(list(zip(*(each.shape for each in both), strict=True))))
        name, number, kind = f"value_{next(self._count)}", once.reshape(-1)[0].item(), SCHEMA[once.dtype]
        named = {"dtype": Tagged("dtype", kind)}
        args: tuple[Any, ...]
        if not bool((once == number).all()):
            target, args, named = "expand", (self._stored(Known(once, once, value.source)), sizes), {}
        else:
            target, args = ("full", (sizes, number)) if number else ("zeros", (sizes,))
        target = f"torch.ops.aten.{target}.default"
        self.calls.append(Call(self.names.call(self.label), target, args, named, (name,), False, ()))
        return Ref(name)

    def keep(self, path: str, value: Known, trained: bool = True) -> "Kept":
        """Store a tensor at a dotted path; the same tensor at the same path is there once."""
        tensor = value.first.contiguous()
        key = (path, value.first.data_ptr(), tuple(value.first.shape))
        if path in self.tensors and key not in self._kept and self.tensors[path].data_ptr() == value.first.data_ptr():
            self._rename(path)
        if path in self.tensors and key not in self._kept:
            raise BadModel(f'The network has two tensors that are called "{path}".')
        if key not in self._kept:
            self.tensors[path] = torch.nn.Parameter(tensor) if trained and tensor.is_floating_point() else tensor
            self.sources[path] = value.source
            name = f"value_{next(self._count)}"
            self.stored[name] = path
            self._kept[key] = Ref(name)
        return Kept(self._kept[key], tensor)

    def _rename(self, path: str) -> None:
        """Make room: the tensor of that path, laid out in another way, gets a name of its own."""
        other = self.names.constant(f"{path}_constant")
        self.tensors[other] = self.tensors.pop(path)
        self.sources[other] = self.sources.get(path, "")
        self.stored = {name: other if each == path else each for name, each in self.stored.items()}

    def sizes(self, pairs: list[Pair], *, rest: bool = False) -> list[Any]:
        """Sizes as arguments: numbers where the batch makes no difference. With ``rest`` a single size that does
        becomes -1, "whatever is left"."""
        changing = [index for index, (a, b) in enumerate(pairs) if a != b]
        if rest and len(changing) == 1:
            return [-1 if a != b else a for a, b in pairs]
        return [a if a == b else self._size(a, b) for a, b in pairs]

    def _size(self, first: int, second: int) -> "Size":
        for name, axis, (a, b) in self._free:
            times = first // a
            if times and (first, second) == (times * a, times * b):
                return Size(self._times(name, axis, times), (first, second))
        raise BadModel("The network has a size that depends on its input in a way that is not worked with.")

    def _times(self, name: str, axis: int, times: int) -> Ref:
        key = (name, axis, times)
        if key not in self._sizes:
            made = f"value_{next(self._count)}"
            if times == 1:
                call = ("torch.ops.aten.sym_size.int", (Ref(name), axis))
            else:
                call = ("_operator.mul", (self._times(name, axis, 1), times))
            self.calls.append(Call(self.names.call("size"), *call, {}, (made,), False, ()))
            self._sizes[key] = Ref(made)
        return self._sizes[key]


@dataclass(frozen=True)
class Kept:
    """A tensor that is stored, as an argument."""

    ref: Ref
    tensor: torch.Tensor


@dataclass(frozen=True)
class Size:
    """A size that depends on the batch, as an argument."""

    ref: Ref
    pair: Pair


def taken(call: Call) -> Iterator[str]:
    """Names of the values that a call takes."""
    stack = [*call.args]
    while stack:
        argument = stack.pop()
        if isinstance(argument, Ref):
            yield argument.name
        elif isinstance(argument, list | tuple):
            stack += argument


def _values(args: Any) -> Iterator[Any]:
    for argument in args:
        if isinstance(argument, Known | Flow):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from _values(argument)


def _shapes(args: Any, which: int) -> list[Any]:
    return [_shape(argument, which) for argument in args]


def _shape(argument: Any, which: int) -> Any:
    """The argument without numbers in its tensors."""
    if isinstance(argument, Known | Flow):
        return (argument.second if which else argument.first).to("meta")
    if isinstance(argument, Kept):
        return argument.tensor.to("meta")
    return _plain(argument, which, _shapes)


def _numbers(args: Any, which: int) -> list[Any]:
    return [_number(argument, which) for argument in args]


def _number(argument: Any, which: int) -> Any:
    if isinstance(argument, Known):
        return argument.second if which else argument.first
    return _plain(argument, which, _numbers)


def _plain(argument: Any, which: int, inner: Any) -> Any:
    if isinstance(argument, Size):
        return argument.pair[which]
    if isinstance(argument, Tagged):
        return constant(argument)
    return inner(argument, which) if isinstance(argument, list | tuple) else argument


def _differs(once: torch.Tensor, whole: torch.Tensor) -> bool:
    return once.dim() != whole.dim() or not torch.equal(once.expand_as(whole), whole)


def _limit(result: Any, most: int) -> None:
    for tensor in (result,) if isinstance(result, torch.Tensor) else result:
        if tensor.numel() > most:
            raise BadModel(f"The network makes a value of {tensor.numel()} entries; at most {most} are worked with.")
