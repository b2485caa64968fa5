"""What is saved opens in plain Keras; what was saved long ago opens here."""

import json
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends.keras import BACKEND
from core.errors import BadModel

X = np.random.default_rng(2).normal(size=(5, 8, 8, 1)).astype("float32")


def test_the_saved_file_opens_in_plain_keras_by_its_own_snippet(opened, small_cnn, masks_of, tmp_path):
    model = opened(small_cnn)
    masked = model.masked(masks_of(model))
    path = masked.save(tmp_path / "pruned.model")
    assert [p.name for p in tmp_path.iterdir()] == [path.name] == ["pruned.keras"]
    np.save(tmp_path / "x.npy", X)
    code = f"import numpy as np\nx = np.load('x.npy')\n{masked.snippet(path.name)}\nnp.save('y.npy', y)"
    subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), masked.predict(X), atol=1e-6)


def test_saved_and_loaded_is_the_same_network(opened, small_cnn, tmp_path):
    model = opened(small_cnn)
    again = BACKEND.load(model.save(tmp_path / "a.keras"))
    assert again.graph().nodes == model.graph().nodes
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])


def test_an_old_h5_file_opens_though_its_training_configuration_does_not(tmp_path):
    """As TensorFlow 2.3 wrote it: no modules, inbound nodes as lists, an optimiser that is no more."""

    def layer(class_name, config, inbound):
        return {"class_name": class_name, "name": config["name"], "config": config, "inbound_nodes": inbound}

    dense = {"trainable": True, "dtype": "float32", "use_bias": True, "activation": "relu"}
    glorot = {"class_name": "GlorotUniform", "config": {"seed": None}}
    layers = [
        layer("InputLayer", {"batch_input_shape": [None, 4], "dtype": "float32", "sparse": False, "name": "in"}, []),
        layer("Dense", {**dense, "name": "a", "units": 4, "kernel_initializer": glorot}, [[["in", 0, 0, {}]]]),
        layer("Add", {"name": "sum", "trainable": True, "dtype": "float32"}, [[["in", 0, 0, {}], ["a", 0, 0, {}]]]),
        layer("Dense", {**dense, "name": "b", "units": 2, "activation": "softmax"}, [[["sum", 0, 0, {}]]]),
    ]
    config = {"name": "old", "layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [["b", 0, 0]]}
    rng = np.random.default_rng(0)
    weights = {"a": (rng.normal(size=(4, 4)), rng.normal(size=4)), "b": (rng.normal(size=(4, 2)), rng.normal(size=2))}
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.4.0", "tensorflow"
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config}).encode()
        file.attrs["training_config"] = json.dumps(
            {"loss": "gone", "optimizer_config": {"class_name": "Gone", "config": {}}, "metrics": ["acc"]}
        ).encode()
        stored = file.create_group("model_weights")
        stored.attrs["layer_names"] = [b"in", b"a", b"sum", b"b"]
        stored.attrs["keras_version"], stored.attrs["backend"] = b"2.4.0", b"tensorflow"
        for name in ("in", "a", "sum", "b"):
            group = stored.create_group(name)
            names = [f"{name}/{part}:0".encode() for part in ("kernel", "bias")] if name in weights else []
            group.attrs["weight_names"] = names
            for part, value in zip(names, weights.get(name, ()), strict=False):
                group[part.decode()] = value.astype("float32")
    model = BACKEND.load(tmp_path / "old.h5")
    x = X[:, 0, :4, 0]
    h = x + np.maximum(x @ weights["a"][0] + weights["a"][1], 0)
    z = np.exp(h @ weights["b"][0] + weights["b"][1])
    np.testing.assert_allclose(model.predict(x), z / z.sum(1, keepdims=True), atol=1e-5)
    assert model.output == "probabilities"
    assert BACKEND.load(model.save(tmp_path / "new.keras")).classes == 2


def test_the_long_spelling_of_h5_opens_too(opened, small_cnn, tmp_path):
    before = opened(small_cnn).predict(X)
    keras.src.legacy.saving.legacy_h5_format.save_model_to_hdf5(small_cnn, str(tmp_path / "m.hdf5"))
    np.testing.assert_array_equal(BACKEND.load(tmp_path / "m.hdf5").predict(X), before)


def test_importing_the_room_imports_no_framework():
    code = "import sys, core.backends.keras; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_environment_names_versions_and_device():
    assert {"keras", "tensorflow", "device", "threads"} <= BACKEND.environment().keys()


def test_half_precision_networks_are_read_in_single(opened):
    entry = keras.Input((4,))
    model = opened(keras.Model(entry, k.Dense(2, name="fc", dtype="mixed_float16")(entry)))
    assert model.predict(X[:, 0, :4, 0]).dtype == np.float32
    with pytest.raises(BadModel, match="bfloat16.*single precision"):
        opened(keras.Model(entry, k.Dense(2, name="fc", dtype="bfloat16")(entry)))
