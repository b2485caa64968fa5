"""Whole networks from ONNX files: what PyTorch and Keras export opens, and is pruned, trained and saved."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper

import sample_models
from core.backends.pytorch import BACKEND
from core.groups import groups
from core.inputs import Several
from core.layers import layers
from core.plan import Recovery
from tests.unit.pytorch.onnx_builder import model, write

SAMPLES = Path(sample_models.__file__).parent
#: Exported by Keras in a process of its own, with a batch and what the network gives for it.
KERAS = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
for name in {names}:
    network = keras.saving.load_model("{samples}/keras/" + name + ".keras", compile=False)
    x = np.random.default_rng(0).random((5, *network.input_shape[1:])).astype("float32")
    np.savez("{folder}/" + name + ".npz", x=x, y=network(x))
    network.export("{folder}/" + name + ".onnx", format="onnx", verbose=False)
"""
NAMES = ("digits-lenet5", "mnist1d-cnn", "mnist1d-gru")


@pytest.fixture(scope="module")
def of_keras(tmp_path_factory):
    """Files and batches by name."""
    folder = tmp_path_factory.mktemp("keras")
    program = KERAS.format(names=NAMES, samples=SAMPLES, folder=folder)
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=120)
    return {name: (folder / f"{name}.onnx", np.load(folder / f"{name}.npz")) for name in NAMES}


@pytest.fixture(scope="module")
def of_pytorch(tmp_path_factory):
    """Files of samples by name, exported as PyTorch does by default, or as it used to."""
    folder = tmp_path_factory.mktemp("pytorch")

    def exported(name, *, new):
        path = folder / f"{name}-{new}.onnx"
        network = BACKEND.load(SAMPLES / f"pytorch/{name}.pt2")
        x = network.example(2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if new:
                shapes = ({0: torch.export.Dim.DYNAMIC},)
                torch.onnx.export(network.module, x, path, dynamo=True, dynamic_shapes=shapes, verbose=False)
            else:
                names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": {"x": {0: "n"}, "y": {0: "n"}}}
                torch.onnx.export(network.module, x, path, dynamo=False, **names)
        return path, network

    return exported


def same(first, second):
    """What both tell of channels that go together, and of the work."""
    for told in (lambda each: sorted((g.channels, g.cuttable) for g in groups(each.graph())),
                 lambda each: sum(layer.macs for layer in layers(each))):  # fmt: skip
        assert told(first) == told(second)


def halved(network):
    """The network without the first half of every group's channels."""
    arrays, kept = network.arrays(), {}
    for group in groups(network.graph()):
        if group.cuttable:
            for member in group.members:
                stays = kept.setdefault(
                    (member.array, member.axis), np.ones(arrays[member.array].shape[member.axis], bool)
                )
                stays &= ~((member.channel >= 0) & (member.channel < group.channels // 2))
    return network.cut({key: np.flatnonzero(stays).astype(np.int64) for key, stays in kept.items()})


@pytest.mark.parametrize(("name", "new"), [("digits-lenet5", True), ("digits-resnet", False), ("mnist1d-gru", False)])
def test_a_sample_comes_back_from_its_onnx_file(name, new, of_pytorch, batch_of):
    path, network = of_pytorch(name, new=new)
    again = BACKEND.load(path)
    x = batch_of(network.input_shapes[0])
    np.testing.assert_allclose(again.predict(x), network.predict(x), atol=1e-4)
    same(again, network)
    assert (again.output, again.classes, again.trainable) == (network.output, network.classes, True)
    assert {layer.name for layer in layers(again)} <= {layer.name for layer in layers(network)}


@pytest.mark.parametrize("name", NAMES)
def test_what_keras_exports_opens_with_the_twins_channels(name, of_keras):
    path, batch = of_keras[name]
    network = BACKEND.load(path)
    np.testing.assert_allclose(network.predict(batch["x"]), batch["y"], atol=1e-4)
    same(network, BACKEND.load(SAMPLES / f"pytorch/{name}.pt2"))
    assert [layer.name for layer in layers(network)][-1].startswith("fc")


def test_an_attention_of_pytorch_keeps_its_layer_normalisations(of_pytorch, batch_of):
    path, network = of_pytorch("mnist1d-transformer", new=False)
    again = BACKEND.load(path)
    x = batch_of(network.input_shapes[0])
    np.testing.assert_allclose(again.predict(x), network.predict(x), atol=1e-4)
    kinds = [again.graph().classes[layer.name] for layer in layers(again)]
    assert kinds.count("LayerNorm") == 5
    assert {node.label for node in again.graph().nodes if node.label == "gelu"}


def test_channels_of_a_foreign_network_are_cut_trained_and_saved(of_keras, tmp_path):
    path, batch = of_keras["digits-lenet5"]
    network = BACKEND.load(path)
    smaller = halved(network)
    assert sum(a.size for a in smaller.arrays().values()) < 0.5 * sum(a.size for a in network.arrays().values())
    trainer = smaller.trainer(Recovery(), {}, 0)
    trainer.epoch(batch["x"], np.arange(5), 0, 1e-3)
    trained = trainer.model()
    again = BACKEND.load(trained.save(tmp_path / "smaller.pt2"))
    np.testing.assert_allclose(again.predict(batch["x"]), trained.predict(batch["x"]), atol=1e-5)


def values(*shape):
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def dense(outputs, extra=(), **options):
    nodes = [
        helper.make_node("Reshape", ["x", "to"], ["r"]),
        helper.make_node("MatMul", ["r", "fc.weight"], ["a"]),
        helper.make_node("Add", ["a", "fc.bias"], ["logits"]),
        *extra,
    ]
    options = {"batch": "n", **options}
    stored = {"fc.weight": values(6, 3), "fc.bias": values(3), "to": options.pop("to", np.array([-1, 6]))}
    return model(nodes, {"x": (2, 3)}, stored, outputs=outputs, **options)


def test_what_a_network_gives_is_recognised(tmp_path):
    softmax = helper.make_node("Softmax", ["logits"], ["p"], axis=-1)
    assert BACKEND.load(write(dense(["logits"]), tmp_path / "a.onnx")).output == "logits"
    assert BACKEND.load(write(dense(["p"], [softmax]), tmp_path / "b.onnx")).output == "probabilities"


def test_labels_beside_probabilities_are_left_out(tmp_path):
    extra = [
        helper.make_node("Softmax", ["logits"], ["p"], axis=-1),
        helper.make_node("ArgMax", ["p"], ["label"], axis=1),
    ]
    made = dense(["label", "p"], extra)
    made.graph.output[0].type.tensor_type.elem_type = 7
    network = BACKEND.load(write(made, tmp_path / "classifier.onnx"))
    assert network.output == "probabilities"
    assert network.predict(values(4, 2, 3)).shape == (4, 3)
    assert any('"label"' in note for note in network.notes)


def test_a_fixed_batch_is_freed_where_that_gives_the_same(tmp_path):
    network = BACKEND.load(write(dense(["logits"], batch=1, to=np.array([1, 6])), tmp_path / "one.onnx"))
    x = values(4, 2, 3)
    weight, bias = network.arrays()["fc.kernel"], network.arrays()["fc.bias"]
    assert network.trainable
    np.testing.assert_allclose(network.predict(x), x.reshape(4, 6) @ weight.T + bias, atol=1e-5)


def test_a_network_with_two_inputs_takes_both(tmp_path):
    nodes = [
        helper.make_node("Concat", ["left", "right"], ["both"], axis=-1),
        helper.make_node("MatMul", ["both", "fc.weight"], ["y"]),
    ]
    made = model(nodes, {"left": (2,), "right": (3,)}, {"fc.weight": values(5, 2)})
    network = BACKEND.load(write(made, tmp_path / "two.onnx"))
    assert network.input_names == ("left", "right")
    x = Several((values(4, 2), values(4, 3)), network.input_names)
    expected = np.concatenate(x.arrays, 1) @ values(5, 2)
    np.testing.assert_allclose(network.predict(x), expected, atol=1e-5)
