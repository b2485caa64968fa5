"""Synaptic flow: what each weight carries of the network of absolute values, in double precision.

Tanaka et al. 2020, SynFlow, arXiv:2006.05467, algorithm 1. A network of many layers multiplies many numbers, which
single precision cannot hold; so the network is built a second time from its configuration with every layer in double
precision, and traced. Only the compiled function stays; it takes the values as arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.backends._base import Floats, Masks
from core.backends.keras.graph import ending
from core.backends.keras.network import Network, Values, norm_specs
from core.backends.keras.running import Apply, plain, run
from core.backends.keras.views import without_activation
from core.backends.keras.walk import Call, walked
from core.graph import Graph, Op

_DOUBLE = "float64"


def synaptic_flow(network: Network, values: Values, masks: Masks) -> dict[str, Floats]:
    """See :meth:`core.backends._base.LoadedModel.synaptic_flow`. In double precision: deep networks leave single.

    Args:
        network: The structure.
        values: What its variables hold, masks laid over already.
        masks: For normalisations over kept channels.
    """
    norms = network.kept_norms(masks)
    call = network.compiled(("flow", bool(norms)), lambda: _traced(network, norms))
    found = network.canonical(network.kernels(), call(values, norms), np.float64)
    return {weight.name: found[weight.name] for weight in network.graph.weights()}


def _traced(network: Network, norms: Sequence[Floats]) -> Any:
    import tensorflow as tf

    double = doubled(network.model)
    walk = walked(double)
    variables = tuple(double.variables)
    weights = [network.place(variable) for variable in network.kernels()]
    last = last_activation(network.graph)
    layers = {call.path: call.operation for call in walk.calls}
    samples = network.entry.shape[0] or 1
    ones = [tf.ones([samples, *symbol.shape[1:]], _DOUBLE) for _, symbol in walk.inputs]

    def function(values: Values, norms: Sequence[Any]) -> list[Any]:
        from keras import StatelessScope

        positive = [tf.abs(tf.cast(v, _DOUBLE)) if v.dtype.is_floating else v for v in values]
        kept = {id(layers[path]): norm for path, norm in zip(network.norms, norms, strict=False)}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            watched = [positive[i] for i in weights]
            tape.watch(watched)
            with StatelessScope(state_mapping=list(zip(variables, positive, strict=True))):
                outputs = run(walk, ones, _flowing(plain(kept), last))
            total = tf.reduce_sum(outputs[0]) / samples
        found = tape.gradient(total, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.abs(tf.convert_to_tensor(g) * w) for g, w in zip(found, watched, strict=True)]

    specs = (network.value_specs, norm_specs(norms))
    return tf.function(function, autograph=False).get_concrete_function(*specs)


def _flowing(apply: Apply, last: str) -> Apply:
    """Embeddings are ones; the softmax or sigmoid at the end is left away."""
    import tensorflow as tf
    from keras import layers as k

    def flowing(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(call.operation, k.Embedding):
            return tf.ones([*args[0].shape, call.operation.output_dim], _DOUBLE)
        if call.name == last:
            return args[0]
        if last.startswith(f"{call.name}/"):
            return apply(replace(call, operation=without_activation(call.operation)), args, kwargs)
        return apply(call, args, kwargs)

    return flowing


def last_activation(graph: Graph) -> str:
    """The node of the softmax or sigmoid that the network ends with; empty for none."""
    node = ending(graph)
    return node.name if node.op is Op.SOFTMAX or node.label == "sigmoid" else ""


def doubled(model: Any) -> Any:
    """The same network with every layer in double precision and other values."""
    from keras.src.saving.serialization_lib import ObjectSharingScope, deserialize_keras_object, serialize_keras_object

    with ObjectSharingScope():
        config = serialize_keras_object(model)
    with ObjectSharingScope():
        return deserialize_keras_object(_in_double(config), safe_mode=True)


def _in_double(config: Any) -> Any:
    """The configuration with every type of floating point numbers replaced."""
    if isinstance(config, Mapping):
        return {key: _type(value) if key == "dtype" else _in_double(value) for key, value in config.items()}
    return [_in_double(value) for value in config] if isinstance(config, list) else config


def _type(value: Any) -> Any:
    if isinstance(value, str):
        return _DOUBLE if "float" in value else value
    if isinstance(value, Mapping) and "class_name" in value:
        return _DOUBLE
    return value
