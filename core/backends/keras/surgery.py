"""Copies of a Keras model, and smaller copies."""

from typing import Any

from core.backends._base import Cuts
from core.backends.keras.framework import imported
from core.backends.keras.model import KerasModel
from core.backends.keras.network import Network, Values
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
    raise BadModel("Not yet.")
