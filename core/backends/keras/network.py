"""One network's structure, shared by every set of values: the Keras model, its arrays, and its compiled functions.

The compiled functions take the values of all variables as arguments, so a preview with other values neither retraces
nor touches the model, and any number of threads may call them.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from core.backends._base import Floats
from core.backends.keras import running
from core.backends.keras.arrays import Slot, by_variable, merged, shapes, slots_of
from core.backends.keras.kept_norm import normalisations, run
from core.backends.keras.walk import Walk, functional, walked
from core.errors import BadSetting, BadWeights
from core.graph import Graph
from core.masks import Mask

#: One tensor for each variable of the model, in its order.
Values = tuple[Any, ...]
#: From the way in which calls are carried out to another.
Seen = Callable[[running.Apply], running.Apply]
#: One array or tensor for each input.
Arrays = Sequence[Any]


class Network:
    """What stays the same while values change.

    Args:
        model: A built functional or sequential Keras model. Its own variables are never written again.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.variables: tuple[Any, ...] = tuple(model.variables)
        self._index = {id(v): i for i, v in enumerate(self.variables)}
        self._lock = threading.RLock()
        self._compiled: dict[tuple[Any, ...], Any] = {}

    @property
    def entries(self) -> tuple[Any, ...]:
        """The symbolic inputs: their shapes with the batch axis, their types."""
        return tuple(functional(self.model).inputs)

    @property
    def entry(self) -> Any:
        """The first of them."""
        return self.entries[0]

    @property
    def scores(self) -> bool:
        """Whether the first output is one score for each class."""
        shape = tuple(self.walk.outputs[0].shape[1:])
        return bool(shape) and shape[:-1] == (1,) * (len(shape) - 1)

    @cached_property
    def walk(self) -> Walk:
        """All calls, nested models flattened."""
        return walked(self.model)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """All arrays, in the order of the layers."""
        from keras import Layer

        layers = {call.path: call.operation for call in self.walk.calls if isinstance(call.operation, Layer)}
        return tuple(slot for path, layer in layers.items() for slot in slots_of(layer, path))

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Canonical shape by array name."""
        return shapes(self.slots)

    @cached_property
    def graph(self) -> Graph:
        """The neutral graph."""
        from core.backends.keras.graph import graph

        return graph(self.walk, self.shapes)

    def values(self) -> Values:
        """The model's own values as tensors, sharing its memory."""
        return tuple(v.value.read_value() for v in self.variables)

    def arrays(self, values: Values) -> dict[str, Floats]:
        """Canonical arrays of a set of values: read-only, views wherever axes only move."""
        found: dict[str, Floats] = {}
        for slot in self.slots:
            whole = np.asarray(memoryview(values[self._index[id(slot.variable)]]))
            array = slot.canonical(whole).astype(np.float32, copy=False)
            array.flags.writeable = False
            found[slot.name] = array
        return found

    def masked(self, values: Values, masks: Mapping[str, Mask]) -> Values:
        """The values with masked entries zero; variables without a mask are shared."""
        import tensorflow as tf

        new = list(values)
        for i, kept in self.kept(masks).items():
            whole = np.asarray(memoryview(values[i]))
            new[i] = tf.constant(np.where(kept, whole, whole.dtype.type(0)))
        return tuple(new)

    def replaced(self, values: Values, arrays: Mapping[str, Floats]) -> Values:
        """The values with other numbers in the named arrays; variables that hold none of them are shared.

        Raises:
            BadSetting: One is for no array of this network, or of another shape.
            BadWeights: One holds NaN or infinite numbers.
        """
        import tensorflow as tf

        for name, array in arrays.items():
            shape = self.shapes.get(name)
            if shape != np.shape(array):
                expected = f"{shape}" if shape is not None else "no array of that name"
                raise BadSetting(f'The values for "{name}" have shape {np.shape(array)}; the network has {expected}.')
            if not np.isfinite(array).all():
                raise BadWeights(f'The values for "{name}" are NaN or infinite.')
        new = list(values)
        for variable, parts in by_variable(self.slots, arrays):
            i = self._index[id(variable)]
            new[i] = tf.constant(merged(np.asarray(memoryview(values[i])), parts), values[i].dtype)
        return tuple(new)

    def kept(self, masks: Mapping[str, Mask]) -> dict[int, Any]:
        """The masks as booleans in the variables' own order, by place in a set of values."""
        found = {}
        for variable, parts in by_variable(self.slots, {name: mask.kept for name, mask in masks.items()}):
            found[self._index[id(variable)]] = merged(np.ones(tuple(variable.shape), np.bool_), parts)
        return found

    def predict(self, values: Values, inputs: Arrays, masks: Mapping[str, Mask]) -> Any:
        """Raw outputs of one batch in evaluation mode."""
        norms = self.kept_norms(masks)
        call = self.compiled(("predict", bool(norms)), lambda: self._predicting(norms))
        return call(values, inputs, norms)

    def _predicting(self, norms: Sequence[Floats]) -> Any:
        import tensorflow as tf

        specs = (self.value_specs, self.input_specs, norm_specs(norms))
        function = tf.function(lambda values, inputs, norms: self.outputs(values, inputs, norms), autograph=False)
        return function.get_concrete_function(*specs)

    def outputs(self, values: Values, inputs: Arrays, norms: Sequence[Any], seen: Seen | None = None) -> Any:
        """The first of the raw outputs, inside a compiled function.

        Args:
            values: Of all variables.
            inputs: One tensor for each input.
            norms: What :meth:`kept_norms` gives.
            seen: Changes how calls are carried out, or looks at them.
        """
        import tensorflow as tf
        from keras import StatelessScope, tree

        kept = self.kept_by_layer(norms)
        with StatelessScope(state_mapping=list(zip(self.variables, values, strict=True))):
            if seen is not None:
                return tf.cast(running.run(self.walk, inputs, seen(running.plain(kept)))[0], tf.float32)
            inner = functional(self.model)
            tensors = [tf.cast(x, entry.dtype) for x, entry in zip(inputs, self.entries, strict=True)]
            given = tree.pack_sequence_as(inner._inputs_struct, tensors)
            raw = run(self.model, given, kept)
        return tf.cast(tree.flatten(raw)[0], tf.float32)

    @cached_property
    def trained(self) -> list[Any]:
        """Variables that gradients make sense for."""
        return list({id(slot.variable): slot.variable for slot in self.slots if slot.trained}.values())

    def kernels(self, names: Iterable[str] | None = None) -> list[Any]:
        """The variables that hold the named Weights, by default all."""
        chosen = {weight.name for weight in self.graph.weights()} if names is None else set(names)
        return list({id(slot.variable): slot.variable for slot in self.slots if slot.name in chosen}.values())

    def place(self, variable: Any) -> int:
        """Where a variable's value is in a set of values."""
        return self._index[id(variable)]

    def canonical(self, variables: Sequence[Any], tensors: Sequence[Any], kind: Any = np.float32) -> dict[str, Any]:
        """Canonical arrays of what was computed for some variables (gradients and their like), of the given kind."""
        by_id = {id(v): t for v, t in zip(variables, tensors, strict=True)}
        found = {}
        for slot in self.slots:
            if id(slot.variable) in by_id and slot.trained:
                array = slot.canonical(by_id[id(slot.variable)].numpy())
                found[slot.name] = array.astype(kind, copy=False)
        return found

    def kept_by_layer(self, norms: Sequence[Any]) -> dict[int, Any]:
        """What each normalisation keeps, by ``id`` of the layer; empty when all are whole."""
        return {id(layer): norm for layer, norm in zip(self.norms.values(), norms, strict=False)}

    def kept_norms(self, masks: Mapping[str, Mask]) -> list[Floats]:
        """What each of ``norms`` keeps, as 1 and 0; nothing when all are whole."""
        names = [f"{path}.scale" for path in self.norms]
        if not any(name in masks for name in names):
            return []
        whole = np.float32
        return [masks[n].kept.astype(whole) if n in masks else np.ones(self.shapes[n], whole) for n in names]

    @cached_property
    def norms(self) -> dict[str, Any]:
        """Layers that normalise across channels, by path."""
        return normalisations(self.walk)

    def compiled(self, key: tuple[Any, ...], build: Callable[[], Any]) -> Any:
        """The compiled function of that key, made once."""
        with self._lock:
            if key not in self._compiled:
                self._compiled[key] = build()
            return self._compiled[key]

    @cached_property
    def value_specs(self) -> tuple[Any, ...]:
        """What compiled functions take as values."""
        import tensorflow as tf

        return tuple(tf.TensorSpec(v.shape, v.dtype) for v in self.variables)

    @cached_property
    def input_specs(self) -> tuple[Any, ...]:
        """What compiled functions take as inputs: tokens as 64-bit integers, everything else in single precision."""
        import tensorflow as tf

        kinds = [tf.int64 if takes_integers(entry) else tf.float32 for entry in self.entries]
        return tuple(tf.TensorSpec(tuple(e.shape), kind) for e, kind in zip(self.entries, kinds, strict=True))


def norm_specs(norms: Sequence[Floats]) -> list[Any]:
    """What compiled functions take as kept channels of normalisations."""
    import tensorflow as tf

    return [tf.TensorSpec(norm.shape, tf.float32) for norm in norms]


def takes_integers(entry: Any) -> bool:
    """Whether a symbolic input is declared as whole numbers."""
    return "int" in str(entry.dtype)
