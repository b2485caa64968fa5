"""A specification as a Keras network: pictures channels last, series (steps, features)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.backends.keras.framework import imported
from tests.generated.specification import Specification, Step

keras, _ = imported()
k = keras.layers


def built(specification: Specification) -> Any:
    """The network with seeded weights, statistics and scales off their defaults."""
    keras.utils.set_random_seed(specification.seed)
    shape = specification.shape
    if specification.sample_kind == "picture":
        shape = (*shape[1:], shape[0])
    tokens = specification.sample_kind == "tokens"
    values = {"input": keras.Input(shape, dtype="int64" if tokens else "float32", name="input")}
    for step in specification.steps:
        values[step.name] = _MAKERS[step.kind](step, [values[name] for name in step.inputs])
    network = keras.Model(values["input"], values[specification.steps[-1].name])
    rng = np.random.default_rng(specification.seed)
    for variable in network.weights:
        if len(variable.shape) == 1:
            positive = any(word in variable.path for word in ("variance", "gamma", "alpha"))
            variable.assign(
                rng.uniform(0.5, 1.5, variable.shape) if positive else rng.uniform(-0.5, 0.5, variable.shape)
            )
    return network


def _conv(step: Step, given: list[Any]) -> Any:
    a, x = step.settings, given[0]
    if a["window"] > 1:
        x = k.ZeroPadding2D(a["window"] // 2)(x)
    made = k.Conv2D(a["channels"], a["window"], a["stride"], groups=a["groups"], use_bias=a["bias"], name=step.name)
    return made(x)


def _norm(kind: Any, *settings: str) -> Callable[[Step, list[Any]], Any]:
    return lambda step, given: kind(**{name: step.settings[name] for name in settings}, epsilon=1e-5, name=step.name)(
        given[0]
    )


def _prelu(step: Step, given: list[Any]) -> Any:
    shared = (1, 2) if len(step.shape) == 3 else None
    return k.PReLU(shared_axes=shared, name=step.name)(given[0])


def _recurrent(kind: Any) -> Callable[[Step, list[Any]], Any]:
    def made(step: Step, given: list[Any]) -> Any:
        x = given[0]
        for number in range(step.settings["layers"]):
            name = f"{step.name}_{number}"
            layer = kind(step.settings["hidden"], return_sequences=True, name=name)
            x = (k.Bidirectional(layer, name=name) if step.settings["both_ways"] else layer)(x)
        return x

    return made


def _attention(step: Step, given: list[Any]) -> Any:
    return k.MultiHeadAttention(step.settings["heads"], step.settings["width"], name=step.name)(given[0], given[0])


def _pool(step: Step, given: list[Any]) -> Any:
    return (k.MaxPooling2D if step.settings["how"] == "max" else k.AveragePooling2D)(2)(given[0])


def _mean(step: Step, given: list[Any]) -> Any:
    return (k.GlobalAveragePooling2D if len(given[0].shape) == 4 else k.GlobalAveragePooling1D)()(given[0])


def _flatten(step: Step, given: list[Any]) -> Any:
    """Channels first, as PyTorch's."""
    x = given[0]
    return k.Flatten()(k.Permute((3, 1, 2))(x) if len(x.shape) == 4 else x)


def _joined(kind: Any) -> Callable[[Step, list[Any]], Any]:
    return lambda step, given: kind(name=step.name)(given)


_MAKERS: dict[str, Callable[[Step, list[Any]], Any]] = {
    "conv": _conv,
    "depthwise": lambda step, given: k.DepthwiseConv2D(
        3,
        padding="same",
        depth_multiplier=step.settings["multiplier"],
        use_bias=step.settings["bias"],
        name=step.name,
    )(given[0]),
    "separable": lambda step, given: k.SeparableConv2D(
        step.settings["channels"], 3, padding="same", use_bias=step.settings["bias"], name=step.name
    )(given[0]),
    "transposed": lambda step, given: k.Conv2DTranspose(
        step.settings["channels"], 2, 2, use_bias=step.settings["bias"], name=step.name
    )(given[0]),
    "batch_norm": _norm(k.BatchNormalization),
    "group_norm": _norm(k.GroupNormalization, "groups"),
    "layer_norm": _norm(k.LayerNormalization),
    "prelu": _prelu,
    "pool": _pool,
    "mean": _mean,
    "flatten": _flatten,
    "gru": _recurrent(k.GRU),
    "lstm": _recurrent(k.LSTM),
    "attention": _attention,
    "last": lambda step, given: given[0][:, -1],
    "embedding": lambda step, given: k.Embedding(
        step.settings["words"], step.settings["features"], name=step.name
    )(given[0]),
    "dense": lambda step, given: k.Dense(step.settings["features"], name=step.name)(given[0]),
    "activation": lambda step, given: k.Activation(step.settings["function"])(given[0]),
    "add": _joined(k.Add),
    "multiply": _joined(k.Multiply),
    "concat": _joined(k.Concatenate),
}  # fmt: skip
