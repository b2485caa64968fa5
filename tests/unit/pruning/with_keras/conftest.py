"""Keras is imported once for all of these, quietly, on TensorFlow."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends.keras.loading import loaded

SHAPE = (10, 10, 1)


def flattened(activation="relu", norm=True, bias=True):
    """Convolutions with BatchNorm and pooling, flattened (channels last) into dense layers."""
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            k.Conv2D(8, 3, padding="same", use_bias=bias, name="conv1"),
            *([k.BatchNormalization(name="bn1")] if norm else []),
            k.Activation(activation),
            k.MaxPooling2D(),
            k.Conv2D(12, 3, use_bias=bias, activation=activation, name="conv2"),
            k.Flatten(),
            k.Dense(20, use_bias=bias, activation=activation, name="fc1"),
            k.Dense(4, name="fc2"),
        ]
    )


def residual():
    """Sums of producers, one of them a shortcut; one BatchNorm without scale and shift."""
    entry = keras.Input(SHAPE)
    x = k.Conv2D(8, 3, padding="same", use_bias=False, name="conv1")(entry)
    x = k.ReLU()(k.BatchNormalization(name="bn1")(x))
    y = k.BatchNormalization(scale=False, center=False, name="bn2")(k.Conv2D(8, 3, padding="same", name="conv2")(x))
    x = k.ReLU()(k.Add()([x, y]))
    y = k.BatchNormalization(scale=False, name="bn3")(k.Conv2D(16, 3, padding="same", strides=2, name="conv3")(x))
    x = k.ReLU()(k.Add()([y, k.Conv2D(16, 1, strides=2, name="short")(x)]))
    return keras.Model(entry, k.Dense(4, name="fc")(k.GlobalAveragePooling2D()(x)))


def concatenated():
    """Two branches side by side, BatchNorm and one layer over both."""
    entry = keras.Input(SHAPE)
    x = k.Concatenate()([k.Conv2D(6, 3, padding="same", name="left")(entry), k.Conv2D(10, 1, name="right")(entry)])
    x = k.Activation("silu")(k.BatchNormalization(name="bn")(x))
    x = k.GlobalMaxPooling2D()(k.Conv2D(8, 3, activation="relu", name="last")(x))
    return keras.Model(entry, k.Dense(4, name="fc")(x))


def depthwise():
    """Depthwise with two rows a channel, separable and pointwise convolutions."""
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            k.Conv2D(8, 3, activation="softplus", name="stem"),
            k.DepthwiseConv2D(3, depth_multiplier=2, activation="relu6", name="depth"),
            k.SeparableConv2D(12, 3, activation="sigmoid", name="separable"),
            k.Flatten(),
            k.Dense(4, name="fc"),
        ]
    )


NETWORKS = {network.__name__: network for network in (flattened, residual, concatenated, depthwise)}


@pytest.fixture(scope="session")
def opened():
    """One of the networks with random values everywhere, behind the seam."""

    def open_it(name, **settings):
        model, rng = NETWORKS[name](**settings), np.random.default_rng(0)
        for variable in model.weights:
            value = rng.normal(size=variable.shape) * 0.4
            variable.assign(np.abs(value) + 0.5 if "variance" in variable.path else value)
        return loaded(model)

    return open_it


@pytest.fixture(scope="session", params=NETWORKS)
def model(request, opened):
    """Each of the networks."""
    return opened(request.param)
