"""Copies of a Keras model, and smaller copies."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.backends._base import Cuts, Floats
from core.backends.keras.arrays import by_variable, merged
from core.backends.keras.framework import imported
from core.backends.keras.model import KerasModel
from core.backends.keras.network import Network, Values
from core.backends.keras.resizing import Sizes, resized
from core.backends.keras.walk import Call, walked
from core.errors import BadModel


def copied(network: Network, values: Values) -> Any:
    """A Keras model of its own with the given values, built from its configuration, layers shared as they were."""
    from keras.src.saving.serialization_lib import ObjectSharingScope, deserialize_keras_object, serialize_keras_object

    imported()
    with ObjectSharingScope():
        config = serialize_keras_object(network.model)
    with ObjectSharingScope():
        model = deserialize_keras_object(config, safe_mode=True)
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)
    return model


def cut(model: KerasModel, cuts: Cuts) -> KerasModel:
    """A smaller copy, nested models flattened: each layer is built anew with the sizes that remain.

    Raises:
        BadModel: The network cannot be built with these sizes.
    """
    arrays = _kept(model.arrays(), cuts)
    try:
        network = Network(_rebuilt(model.network, arrays))
        fits = network.shapes == {name: array.shape for name, array in arrays.items()}
    except (ValueError, TypeError, ZeroDivisionError) as err:
        raise BadModel(f"The smaller network cannot be built: {' '.join(str(err).split())[:200]}") from err
    if not fits:
        raise BadModel("The smaller network came out with other shapes than its weights; these channels cannot be cut.")
    values = list(network.values())
    tf = imported()[1]
    places = {id(v): i for i, v in enumerate(network.variables)}
    for variable, parts in by_variable(network.slots, arrays):
        base = np.zeros(tuple(variable.shape), variable.dtype)
        values[places[id(variable)]] = tf.constant(merged(base, parts), variable.dtype)
    smaller = KerasModel(network, tuple(values), model.output, model.notes, model.trainable)
    shape = (network.entry.shape[0] or 1, *(n or 1 for _, n in _sizes(network)))
    smaller.predict(np.zeros(shape, np.float32))
    return smaller


def _sizes(network: Network) -> list[tuple[int, int]]:
    return list(enumerate(network.walk.inputs[0][1].shape[1:]))


def _kept(arrays: Mapping[str, Floats], cuts: Cuts) -> dict[str, Floats]:
    found = dict(arrays)
    for (name, axis), indices in cuts.items():
        if name not in found:
            raise BadModel(f'There is no array "{name}" to cut.')
        if len(indices) == 0:
            raise BadModel(f'Nothing would be left of "{name}"; keep at least one channel.')
        found[name] = np.take(found[name], indices, axis=axis)
    return found


def _rebuilt(network: Network, arrays: Mapping[str, Floats]) -> Any:
    keras, _ = imported()
    before = {call.name: call for call in network.walk.calls}
    sizes: Sizes = {name: array.shape for name, array in arrays.items()}
    built: dict[str, Any] = {}

    def evaluate(call: Call) -> tuple[Any, ...]:
        if call.path not in built:
            built[call.path] = resized(call, before[call.name], sizes)
        return tuple(keras.tree.flatten(built[call.path](*call.args, **call.kwargs)))

    entry = network.entry
    start = keras.Input(batch_shape=entry.shape, dtype=entry.dtype, name=entry._keras_history.operation.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        walk = walked(network.model, [start], evaluate)
        if isinstance(network.model, keras.Sequential) and len(built) == len(network.model.layers):
            return keras.Sequential([start._keras_history.operation, *built.values()], name=network.model.name)
        return keras.Model(start, walk.outputs[0], name=network.model.name)
