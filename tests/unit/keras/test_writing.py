"""Keras networks written for others: several inputs and results, GELU, zeros kept, any batch."""

import runpy
import tempfile
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers as k

from core.backends import onnx_files
from core.formats import FORMATS
from core.inputs import Several


@pytest.fixture(scope="module")
def two(opened, masks_of):
    """Tokens and numbers in, classes and numbers out; half the weights zero."""
    words = keras.Input((5,), dtype="int32", name="words")
    facts = keras.Input((4,), name="facts")
    x = k.GRU(3, name="gru")(k.Embedding(7, 3, name="embed")(words))
    x = k.Concatenate(name="joined")([x, k.Dense(3, activation="gelu", name="fc1")(facts)])
    model = opened(keras.Model([words, facts], [k.Dense(3, name="classes")(x), k.Dense(1, name="value")(x)]))
    return model.masked(masks_of(model))


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(3)
    arrays = (rng.integers(0, 7, (6, 5)).astype(np.int32), rng.normal(size=(6, 4)).astype(np.float32))
    return Several(arrays, ("words", "facts"))


def names_the_machine(path):
    """Whether a file, or one in a folder, holds a path of where it was made."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    words = (b"site-packages", str(Path(__file__).resolve().parents[3]).encode(), f"{tempfile.gettempdir()}/".encode())
    return any(word in file.read_bytes() for file in files for word in words)


def zeros(arrays):
    return sum(int((array == 0).sum()) for array in arrays if array.ndim > 1)


def test_onnx_has_the_networks_names_any_batch_and_its_zeros(two, x, tmp_path):
    path = two.write("onnx", tmp_path / "two")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [(one.name, one.shape[0]) for one in session.get_inputs()] == [("words", "batch"), ("facts", "batch")]
    for rows in (slice(0, 1), slice(0, 6)):
        given = dict(zip(two.input_names, x[rows].arrays, strict=True))
        np.testing.assert_allclose(session.run(None, given)[0], two.predict(x[rows]), atol=1e-5)
    assert zeros(onnx_files.constants(path)) >= zeros(two.arrays().values()) > 0
    assert not names_the_machine(path)


def test_litert_unrolls_recurrent_layers_and_takes_any_batch(two, x, tmp_path):
    path = two.write("litert", tmp_path / "two")
    network = Interpreter(str(path)).get_signature_runner()
    for rows in (slice(0, 1), slice(0, 6)):
        found = network(**dict(zip(two.input_names, x[rows].arrays, strict=True)))
        np.testing.assert_allclose(found[min(found)], two.predict(x[rows]), atol=1e-5)
    assert zeros(FORMATS["litert"].constants(two, path)) >= zeros(two.arrays().values())
    assert not names_the_machine(path)


@pytest.mark.parametrize("kind", ["sparse", "saved_model"])
def test_the_snippet_gives_the_first_of_several_results(kind, two, x, tmp_path, monkeypatch):
    form = FORMATS[kind]
    path = form.write(two, tmp_path, "two")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "open.py").write_text(form.snippet(two, path.name))
    found = runpy.run_path("open.py", {"x": x.arrays})["y"]
    np.testing.assert_allclose(found, two.predict(x), atol=1e-6)
    assert not names_the_machine(path)
    if kind == "sparse":
        assert zeros(form.constants(two, path)) == zeros(two.arrays().values())
        assert sorted(file.name for file in path.iterdir()) == ["architecture.json", "load.py", "weights.safetensors"]


def test_a_recurrent_network_of_any_length_is_refused_for_litert(opened):
    steps = keras.Input((None, 2), name="steps")
    model = opened(keras.Model(steps, k.Dense(3)(k.LSTM(4)(steps))))
    assert "number of steps is open" in model.formats()["litert"]
    assert model.formats()["onnx"] == ""


def test_onnx_keeps_a_dead_normalisation_channel_out(opened, tmp_path):
    from core.masks import Mask

    model = opened(keras.Sequential([keras.Input((4,)), k.LayerNormalization(name="norm"), k.Dense(3, name="fc")]))
    scale = Mask(np.array([True, True, False, True]))
    masked = model.masked({"norm.scale": scale, "norm.shift": scale})
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    session = onnxruntime.InferenceSession(masked.write("onnx", tmp_path / "norm"))
    np.testing.assert_allclose(session.run(None, {masked.input_names[0]: x})[0], masked.predict(x), atol=1e-5)
