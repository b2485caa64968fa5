"""Gives a Keras twin the weights of a trained PyTorch network: ``python -m sample_models.twins NAME WEIGHTS.npz``."""

import sys
from collections.abc import Callable, Mapping

import keras
import numpy as np
from numpy.typing import NDArray

from sample_models import SAMPLES, Sample, keras_networks

Array = NDArray[np.float32]
State = Mapping[str, Array]


def _linear(layer: keras.layers.Dense, state: State) -> list[Array]:
    return [state["weight"].T, state["bias"]]


def _conv(layer: keras.layers.Layer, state: State) -> list[Array]:
    """``(out, in, *window)`` becomes ``(*window, in, out)``."""
    kernel = np.moveaxis(state["weight"], (0, 1), (-1, -2))
    return [kernel, state["bias"]] if layer.use_bias else [kernel]


def _batch_norm(layer: keras.layers.Layer, state: State) -> list[Array]:
    return [state[role] for role in ("weight", "bias", "running_mean", "running_var")]


def _layer_norm(layer: keras.layers.Layer, state: State) -> list[Array]:
    return [state["weight"], state["bias"]]


def _gru(layer: keras.layers.GRU, state: State) -> list[Array]:
    """PyTorch keeps the gates as r, z, n; Keras as z, r, n."""

    def gates(role: str) -> Array:
        reset, update, new = np.split(state[role], 3)
        return np.concatenate([update, reset, new])

    biases = np.stack([gates("bias_ih_l0"), gates("bias_hh_l0")])
    return [gates("weight_ih_l0").T, gates("weight_hh_l0").T, biases]


def _attention(layer: keras.layers.MultiHeadAttention, state: State) -> list[Array]:
    """PyTorch keeps query, key and value as one ``(3 width, in)``; Keras as ``(in, heads, dim)`` each."""
    heads, width = layer.num_heads, state["in_proj_weight"].shape[1]
    arrays = []
    for kernel, bias in zip(np.split(state["in_proj_weight"], 3), np.split(state["in_proj_bias"], 3), strict=True):
        arrays += [kernel.T.reshape(width, heads, -1), bias.reshape(heads, -1)]
    return [*arrays, state["out_proj.weight"].T.reshape(heads, -1, width), state["out_proj.bias"]]


_COPIES: Mapping[type, Callable[[keras.layers.Layer, State], list[Array]]] = {
    keras.layers.Dense: _linear,
    keras.layers.Conv1D: _conv,
    keras.layers.Conv2D: _conv,
    keras.layers.BatchNormalization: _batch_norm,
    keras.layers.LayerNormalization: _layer_norm,
    keras.layers.GRU: _gru,
    keras.layers.MultiHeadAttention: _attention,
}


def twin(sample: Sample, state: State) -> keras.Model:
    """The Keras network of that sample with the weights of a PyTorch state dict."""
    model = getattr(keras_networks, sample.architecture("keras").rpartition(":")[2])()
    for layer in model.layers:
        if layer.weights:
            prefix = f"{layer.name}."
            own = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
            layer.set_weights(_COPIES[type(layer)](layer, own))
    return model


def main(name: str, weights: str) -> None:
    """Build the twin and save it where the registry looks for it."""
    sample = SAMPLES[name]
    with np.load(weights, allow_pickle=False) as state:
        model = twin(sample, dict(state))
    path = sample.path("keras")
    path.parent.mkdir(exist_ok=True)
    model.save(path)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
