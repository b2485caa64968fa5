"""What a network is, in plain values, from a graph drawn by hand."""

import json
from types import SimpleNamespace

import numpy as np

from core.describe import describe
from core.graph import Graph, Node, Op
from core.layers import layers


def network():
    nodes = (
        Node("x", Op.INPUT, (), (3, 8, 8)),
        Node("conv", Op.CONV, ("x",), (4, 6, 6), "conv", {"channel_axis": 0, "groups": 1}),
        Node("norm", Op.BATCH_NORM, ("conv",), (4, 6, 6), "norm", {"channel_axis": 0}),
        Node("relu", Op.ELEMENTWISE, ("norm",), (4, 6, 6), label="relu"),
        Node("flat", Op.RESHAPE, ("relu",), (144,)),
        Node("fc", Op.LINEAR, ("flat",), (5,), "fc"),
        Node("y", Op.OUTPUT, ("fc",), (5,)),
    )
    shapes = {"conv.kernel": (4, 3, 3, 3), "conv.bias": (4,)}
    shapes |= {f"norm.{role}": (4,) for role in ("scale", "shift", "mean", "variance")}
    shapes |= {"fc.kernel": (5, 144), "fc.bias": (5,)}
    graph = Graph(nodes, shapes, {"conv": "Conv2d", "norm": "BatchNorm2d", "fc": "Linear"})
    return SimpleNamespace(
        framework="pytorch",
        output="logits",
        classes=5,
        input_shapes=((3, 8, 8),),
        input_names=("x",),
        notes=("A note.",),
        trainable=True,
        graph=lambda: graph,
        arrays=lambda: {name: np.ones(shape, np.float32) for name, shape in shapes.items()},
    )


def test_layers_say_what_they_hold_cost_and_belong_to():
    conv, norm, fc = layers(network())
    assert (conv.kind, conv.class_name, conv.shape, conv.parameters) == ("conv", "Conv2d", (4, 3, 3, 3), 112)
    assert (conv.macs, conv.prunable, conv.reason) == (36 * 108, True, "")
    assert (norm.parameters, norm.macs, norm.prunable) == (8, 0, False)
    assert "goes with the channels" in norm.reason
    assert (fc.parameters, fc.macs) == (725, 720)
    assert conv.group == norm.group != ""
    assert fc.group == "", "outputs of the network are no group"


def test_a_description_is_json_and_adds_up(tmp_path):
    (tmp_path / "model.pt2").write_bytes(b"0123456789")
    found = json.loads(json.dumps(describe(network(), tmp_path / "model.pt2")))
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"]) == 112 + 8 + 725
    assert found["macs"] == sum(layer["macs"] for layer in found["layers"])
    assert (found["file_bytes"], found["framework"], found["notes"]) == (10, "pytorch", ["A note."])
    assert found["prunable_parameters"] == 108 + 720


def test_the_picture_has_every_operation_and_who_feeds_it(tmp_path):
    (tmp_path / "m").touch()
    found = describe(network(), tmp_path / "m")
    assert [node["name"] for node in found["nodes"]] == ["x", "conv", "norm", "relu", "flat", "fc", "y"]
    assert found["nodes"][3]["label"] == "relu"


def test_groups_tell_producers_from_consumers(tmp_path):
    (tmp_path / "m").touch()
    (group,) = describe(network(), tmp_path / "m")["groups"]
    assert group["channels"] == 4
    assert group["producers"] == ["conv"]
    assert group["consumers"] == ["norm", "fc"]
    assert group["cuttable"]
