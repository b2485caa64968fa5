"""Keras is imported once for all of these, quietly, on TensorFlow."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

from core.backends.keras.loading import loaded
from core.masks import Mask


def randomised(model):
    """The Keras model with every weight drawn at random, so that no bias is zero and no scale one."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        value = rng.normal(size=variable.shape) * 0.4
        variable.assign(np.abs(value) + 0.5 if "variance" in variable.path else value)
    return model


@pytest.fixture(scope="session")
def opened():
    """From a Keras model in memory to a LoadedModel with random weights."""
    return lambda model: loaded(randomised(model))


@pytest.fixture(scope="session")
def random_weights():
    return randomised


@pytest.fixture(scope="session")
def masks_of():
    """Random masks over the named arrays (all kernels by default)."""

    def make(model, names=None, share=0.5, seed=1):
        rng = np.random.default_rng(seed)
        names = names or [weight.name for weight in model.graph().weights()]
        return {name: Mask(rng.random(model.arrays()[name].shape) > share) for name in names}

    return make


@pytest.fixture
def small_cnn():
    """A convolution, a normalisation, dropout and two linear layers."""
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            k.Conv2D(4, 3, name="conv1"),
            k.BatchNormalization(name="norm1"),
            k.ReLU(name="relu1"),
            k.MaxPooling2D(name="pool1"),
            k.Permute((3, 1, 2), name="permute"),
            k.Flatten(name="flatten"),
            k.Dropout(0.25, name="dropout"),
            k.Dense(8, activation="relu", name="fc1"),
            k.Dense(3, name="fc2"),
        ],
        name="small_cnn",
    )
