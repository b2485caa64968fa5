"""Copies of a Keras model, and smaller copies."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from core.backends._base import Cuts, Floats, Masks
from core.backends.keras.arrays import by_variable, merged
from core.backends.keras.framework import imported
from core.backends.keras.model import KerasModel
from core.backends.keras.narrowing import Narrow, narrowing
from core.backends.keras.network import Network, Values
from core.backends.keras.resizing import Change, resized
from core.backends.keras.walk import Call, functional, walked
from core.errors import BadModel
from core.groups import shuffled
from core.inputs import Inputs, Several
from core.masks import Mask


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
    _settle(model)
    return model


def _settle(model: Any) -> None:
    """Layers that computed something from their variables when they were built do so again."""
    from keras import layers as k

    for layer in model._flatten_layers():
        if isinstance(layer, k.Normalization):
            layer.finalize_state()


def plain(model: KerasModel) -> Any:
    """A Keras model of its own that gives the same in plain Keras.

    Where normalisations leave channels out, it is flat and has them taken out and put back (:mod:`narrowing`).
    """
    if all(mask.kept.all() for mask in model.norms.values()):
        return copied(model.network, model.values)
    network, narrowed = model.network, dict[str, Narrow]()
    result = rebuilt(network.model, narrowing(model.norms, resizing_nothing(network), narrowed))
    arrays = dict(model.arrays())
    for path, narrow in narrowed.items():
        for role in ("scale", "shift"):
            arrays.pop(f"{path}.{role}", None)
        arrays |= narrow.arrays(model.arrays())
    same = Network(result)
    holding(model, same, arrays)
    return result


def cut(model: KerasModel, cuts: Cuts) -> KerasModel:
    """A smaller copy, nested models flattened: each layer is built anew with the sizes that remain.

    Raises:
        BadModel: The network cannot be built with these sizes.
    """
    arrays = _kept(model.arrays(), cuts)
    before = model.network.shapes
    after = {name: array.shape for name, array in arrays.items()}
    change = Change(before, after, cuts, shuffled(model.graph()))
    try:
        network = Network(rebuilt(model.network.model, _resizing(model.network, change)))
        fits = network.shapes == change.after
    except (ValueError, TypeError, ZeroDivisionError) as err:
        raise BadModel(f"The smaller network cannot be built: {' '.join(str(err).split())[:200]}") from err
    if not fits:
        raise BadModel("The smaller network came out with other shapes than its weights; these channels cannot be cut.")
    smaller = holding(model, network, arrays)
    smaller.norms = _norms(model.norms, cuts)
    _, tensorflow = imported()
    try:
        smaller.predict(_nothing(network))
    except (ValueError, TypeError, tensorflow.errors.OpError) as err:
        raise BadModel(f"The smaller network does not fit together: {' '.join(str(err).split())[:200]}") from err
    return smaller


def holding(model: KerasModel, network: Network, arrays: Mapping[str, Floats]) -> KerasModel:
    """Another network, which nobody uses yet, in the place of ``model``'s, with these arrays in it."""
    for variable, parts in by_variable(network.slots, arrays):
        variable.assign(merged(np.zeros(tuple(variable.shape), variable.dtype), parts))
    _settle(network.model)
    return KerasModel(network, network.values(), model.output, model.notes, model.trainable)


def _norms(norms: Masks, cuts: Cuts) -> Masks:
    """What normalisations still leave out: channels that were zeroed before and not cut now."""
    found = {}
    for name, mask in norms.items():
        kept = mask.kept[cuts[name, 0]] if (name, 0) in cuts else mask.kept
        if not kept.all():
            found[name] = Mask(kept)
    return found


def _nothing(network: Network) -> Inputs:
    """One sample of zeros."""
    names, symbols = zip(*network.walk.inputs, strict=True)
    arrays = tuple(
        np.zeros((x.shape[0] or 1, *x.shape[1:]), np.int64 if "int" in str(x.dtype) else np.float32) for x in symbols
    )
    return arrays[0] if len(arrays) == 1 else Several(arrays, names)


def _kept(arrays: Mapping[str, Floats], cuts: Cuts) -> dict[str, Floats]:
    found = dict(arrays)
    for (name, axis), indices in cuts.items():
        if name not in found:
            raise BadModel(f'There is no array "{name}" to cut.')
        if len(indices) == 0:
            raise BadModel(f'Nothing would be left of "{name}"; keep at least one channel.')
        found[name] = np.take(found[name], indices, axis=axis)
    return found


def _resizing(network: Network, change: Change) -> Callable[[Call], Any]:
    before = {call.name: call for call in network.walk.calls}
    return lambda call: resized(call, before[call.name], change)


def resizing_nothing(network: Network) -> Callable[[Call], Any]:
    """What stands for each call in a copy of the same sizes."""
    return _resizing(network, Change(network.shapes, network.shapes, {}))


def rebuilt(model: Any, made: Callable[[Call], Callable[..., Any]]) -> Any:
    """A flat copy of a functional or sequential model, inputs and outputs named and nested as they were.

    Args:
        model: The model.
        made: Gives the layer or operation that stands for a call's; asked once for a shared one.
    """
    keras, _ = imported()
    built: dict[str, Any] = {}

    def evaluate(call: Call) -> tuple[Any, ...]:
        if call.path not in built:
            built[call.path] = made(call)
        return tuple(keras.tree.flatten(built[call.path](*call.args, **call.kwargs)))

    inner = functional(model)
    entries = [x._keras_history.operation for x in inner.inputs]
    starts = [type(entry).from_config(entry.get_config()) for entry in entries]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        walk = walked(model, [start.output for start in starts], evaluate)
        alike = all(isinstance(layer, keras.Layer) for layer in built.values())
        if isinstance(model, keras.Sequential) and alike and len(built) == len(model.layers):
            return keras.Sequential([*starts, *built.values()], name=model.name)
        inputs = keras.tree.pack_sequence_as(inner._inputs_struct, [start.output for start in starts])
        outputs = keras.tree.pack_sequence_as(inner._outputs_struct, list(walk.outputs))
        return keras.Model(inputs, outputs, name=model.name)
