"""One network's structure, shared by every set of values: the Keras model, its arrays, and its compiled functions.

The compiled functions take the values of all variables as arguments, so a preview with other values neither retraces
nor touches the model, and any number of threads may call them.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from core.backends._base import Floats
from core.backends.keras.arrays import Slot, by_variable, merged, shapes, slots_of
from core.backends.keras.kept_norm import normalisations, run
from core.backends.keras.signals import loss_and_correct, precise
from core.backends.keras.walk import Walk, functional, walked
from core.graph import Graph
from core.masks import Mask

#: One tensor for each variable of the model, in its order.
Values = tuple[Any, ...]


class Network:
    """What stays the same while values change.

    Args:
        model: A built functional or sequential Keras model with one input and one output. Its own variables are never
            written again.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.variables: tuple[Any, ...] = tuple(model.variables)
        self._index = {id(v): i for i, v in enumerate(self.variables)}
        self._lock = threading.RLock()
        self._compiled: dict[tuple[Any, ...], Any] = {}

    @property
    def entry(self) -> Any:
        """The symbolic input: its shape with the batch axis, its type."""
        return functional(self.model).inputs[0]

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

    def kept(self, masks: Mapping[str, Mask]) -> dict[int, Any]:
        """The masks as booleans in the variables' own order, by place in a set of values."""
        found = {}
        for variable, parts in by_variable(self.slots, {name: mask.kept for name, mask in masks.items()}):
            found[self._index[id(variable)]] = merged(np.ones(tuple(variable.shape), np.bool_), parts)
        return found

    def predict(self, values: Values, x: Floats, masks: Mapping[str, Mask]) -> Any:
        """Raw outputs of one batch in evaluation mode."""
        norms = self.kept_norms(masks)
        call = self._function(("predict", bool(norms)), norms)
        return call(values, x, norms)

    def gradients(self, values: Values, x: Floats, y: Any, masks: Mapping[str, Mask], output: str) -> dict[str, Floats]:
        """Gradient of the batch's mean loss by array name, canonical order."""
        norms = self.kept_norms(masks)
        call = self._function(("gradients", bool(norms), output), norms)
        found: dict[str, Floats] = {}
        by_id = dict(zip((id(v) for v in self._trained), call(values, x, norms, y), strict=True))
        for slot in self.slots:
            if id(slot.variable) in by_id:
                gradient = slot.canonical(by_id[id(slot.variable)].numpy())
                found[slot.name] = gradient.astype(np.float32, copy=False)
        return found

    @cached_property
    def _trained(self) -> list[Any]:
        return list({id(slot.variable): slot.variable for slot in self.slots if slot.trained}.values())

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

    def _function(self, key: tuple[Any, ...], norms: Sequence[Floats]) -> Any:
        with self._lock:
            if key not in self._compiled:
                kind, _, *output = key
                self._compiled[key] = self._traced(kind, norms, *output)
            return self._compiled[key]

    def _traced(self, kind: str, norms: Sequence[Floats], output: str = "") -> Any:
        import tensorflow as tf

        entry = self.entry

        def outputs(values: Values, x: Any, norms: Sequence[Any]) -> Any:
            from keras import StatelessScope

            kept = {id(layer): norm for layer, norm in zip(self.norms.values(), norms, strict=False)}
            with StatelessScope(state_mapping=list(zip(self.variables, values, strict=True))):
                x = tf.cast(x, entry.dtype)
                raw = run(self.model, x, kept) if kept else self.model.call(x, training=False)
            return tf.cast(raw, tf.float32)

        def gradients(values: Values, x: Any, norms: Sequence[Any], y: Any) -> Any:
            watched = [values[self._index[id(v)]] for v in self._trained]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(watched)
                losses, _ = loss_and_correct(output, precise(output, classes_last(outputs(values, x, norms))), y)
                loss = tf.reduce_mean(losses)
            found = tape.gradient(loss, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return [tf.convert_to_tensor(gradient) for gradient in found]

        specs = (
            tuple(tf.TensorSpec(v.shape, v.dtype) for v in self.variables),
            tf.TensorSpec(tuple(entry.shape), tf.float32),
            [tf.TensorSpec(norm.shape, tf.float32) for norm in norms],
        )
        if kind == "predict":
            return tf.function(outputs, autograph=False).get_concrete_function(*specs)
        labels = tf.TensorSpec(entry.shape[:1], tf.int64)
        return tf.function(gradients, autograph=False).get_concrete_function(*specs, labels)


def classes_last(raw: Any) -> Any:
    """``(samples, 1, …, classes)`` as ``(samples, classes)``."""
    import tensorflow as tf

    return raw if len(raw.shape) == 2 else tf.reshape(raw, (-1, raw.shape[-1]))
