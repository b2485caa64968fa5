"""The calls of a Keras model in order, nested models flattened, each with its path and concrete shapes.

A call's path is the names of the models around it and its own, joined by dots: ``encoder.conv1``. A layer that is
called twice, or sits in a nested model that is called twice, keeps the path of its first call: it is shared.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

#: What an axis of any size counts as in shapes (and so in MACs).
NOMINAL = 32


@dataclass(frozen=True)
class Call:
    """One call of one operation.

    ``args`` and ``kwargs`` hold Keras tensors of the flattened model: ``id`` of one is found among the ``outputs`` of
    an earlier call. ``path`` is the operation's, ``name`` is unique.
    """

    path: str
    name: str
    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


@dataclass(frozen=True)
class Walk:
    """All calls; what goes in and what comes out, as Keras tensors."""

    inputs: tuple[tuple[str, Any], ...]
    calls: tuple[Call, ...]
    outputs: tuple[Any, ...]


def functional(model: Any) -> Any:
    """The functional model inside a sequential one; a functional model itself; None for any other."""
    from keras.src.models.functional import Functional

    inner = getattr(model, "_functional", model)
    return inner if isinstance(inner, Functional) else None


Evaluate = Callable[["Call"], tuple[Any, ...]]


def specified(call: Call) -> tuple[Any, ...]:
    """The outputs of a call as symbolic tensors of their own, from the shapes that really come in."""
    from keras import tree
    from keras.src.backend import compute_output_spec

    outputs = tree.flatten(call.operation.compute_output_spec(*call.args, **call.kwargs))
    if any(None in x.shape[1:] for x in outputs):  # some layers do not work their shape out (EinsumDense): trace them
        outputs = tree.flatten(compute_output_spec(call.operation.call, *call.args, **call.kwargs))
    return tuple(outputs)


def walked(model: Any, inputs: list[Any] | None = None, evaluate: Evaluate = specified) -> Walk:
    """Every call of ``model``, in an order in which each comes after what it needs.

    Args:
        model: Functional or sequential, built.
        inputs: Symbolic tensors to start from; by default of the declared shapes, open axes ``NOMINAL`` long.
        evaluate: Gives the outputs of one call; by default their specification alone, building nothing.
    """
    from keras import KerasTensor

    outer = functional(model)
    if inputs is None:
        inputs = [KerasTensor((x.shape[0], *(n or NOMINAL for n in x.shape[1:])), dtype=x.dtype) for x in outer.inputs]
    state = _State({}, set(), [], evaluate)
    outputs = state.run(outer, list(inputs), "")
    names = [x._keras_history.operation.name for x in outer.inputs]
    return Walk(tuple(zip(names, inputs, strict=True)), tuple(state.calls), tuple(outputs))


@dataclass
class _State:
    paths: dict[int, str]
    names: set[str]
    calls: list[Call]
    evaluate: Evaluate

    def run(self, model: Any, inputs: list[Any], prefix: str) -> list[Any]:
        from keras import tree

        here = {id(old): new for old, new in zip(model.inputs, inputs, strict=True)}
        for node in _nodes(model):
            if any(id(x) not in here for x in node.input_tensors):
                continue
            args, kwargs = node.arguments.fill_in(here)
            path = self.paths.setdefault(id(node.operation), f"{prefix}{node.operation.name}")
            flat = [here[id(x)] for x in node.input_tensors]
            nested = functional(node.operation)
            if nested is not None:
                given = tree.flatten(args) + tree.flatten(kwargs)
                tensors = [x for x in given if any(x is known for known in flat)]
                outputs = self.run(nested, tensors[: len(nested.inputs)], f"{path}.")
            else:
                call = Call(path, self.unique(path), node.operation, tuple(args), kwargs, tuple(flat), ())
                outputs = list(self.evaluate(call))
                self.calls.append(Call(path, call.name, call.operation, call.args, kwargs, call.inputs, tuple(outputs)))
            here.update((id(old), new) for old, new in zip(node.output_tensors, outputs, strict=True))
        return [here[id(x)] for x in model.outputs]

    def unique(self, path: str) -> str:
        name, count = path, 1
        while name in self.names:
            count += 1
            name = f"{path}@{count}"
        self.names.add(name)
        return name


def _nodes(model: Any) -> Iterator[Any]:
    by_depth = model._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if node.operation and not node.is_input:
                yield node
