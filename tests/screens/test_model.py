"""Model: choose a network and its data."""

import numpy as np
import pytest
from safetensors.numpy import save

from core import references
from core.datasets import DATASETS
from core.errors import BadSetting
from core.plan import DataChoice
from pages.ui.network import colours, lines, picture
from pages.ui.services import lab
from sample_models import SAMPLES

JSON = "application/json"


def test_samples_are_cards_with_task_size_and_accuracy(open_page, workspace):
    app = open_page(workspace)
    cards = app.radio(key="sample")
    assert len(cards.options) == len(SAMPLES)
    assert cards.value is None


@pytest.mark.parametrize("framework", ["pytorch", "keras"])
def test_choosing_a_sample_opens_it_with_its_data_and_shows_its_layers(framework, open_page, workspace, state, text_of):
    app = open_page(workspace)
    app.get_by_key("framework").set_value(framework)
    app.run()
    app.radio(key="sample").set_value("digits-lenet5").run()
    assert not app.exception
    assert not app.error
    plan = state(app).plan
    assert (plan.model, plan.data) == (f"sample:digits-lenet5@{framework}", DataChoice("digits"))
    shown = text_of(app)
    assert f"{SAMPLES['digits-lenet5'].parameters:,}" in shown
    assert f"{100 * SAMPLES['digits-lenet5'].accuracy[framework]:.2f}" in shown
    assert all(name in shown for name in ("conv1", "conv2", "fc1", "fc2", "fc3"))


def test_the_other_framework_keeps_the_plan(open_page, with_model, state):
    app = open_page(with_model, "prune")
    app.number_input(key="sparsity_exact").set_value(60.0).run()
    app = open_page(with_model)
    app.get_by_key("framework").set_value("keras")
    app.run()
    assert state(app).plan.model.endswith("@keras")
    assert state(app).plan.sparsity == pytest.approx(0.6)


def test_data_that_does_not_fit_is_said_in_one_sentence_and_the_layers_stay(open_page, with_model, text_of):
    app = open_page(with_model)
    app.selectbox(key="data_name").set_value("iris").run()
    assert not app.exception
    assert len(app.error) == 1
    assert "conv1" in text_of(app)


def test_an_uploaded_file_is_kept_by_its_hash_and_opened(open_page, workspace, state, home):
    app = open_page(workspace)
    file = SAMPLES["iris-mlp"].path("pytorch")
    app.file_uploader(key="model_file").upload("my network.pt2", file.read_bytes()).run()
    assert not app.exception
    assert [e.value for e in app.error if "my network" in e.value] == []
    assert state(app).plan.model.startswith("sha256:")
    assert len(list((home / "models").iterdir())) == 1
    assert list((home / "uploads").iterdir()) == []
    rows = "\n".join(f"{a},{a + 1},{a + 2},{a + 3},{a % 3}" for a in range(60))
    app.file_uploader(key="data_file").upload("mine.csv", f"a,b,c,d,label\n{rows}\n".encode()).run()
    chosen = state(app).plan
    app.run()
    assert not app.exception and state(app).plan == chosen, "neither upload is taken in again for the other"
    assert chosen.model.startswith("sha256:") and chosen.data.name not in DATASETS
    read = app.selectbox(key="output")  # how it is read is always said
    assert read.proto.default == 0 and not read.proto.set_value and "as recognised" in read.options[0]


def test_a_refused_onnx_file_is_told_of_without_asking_for_an_architecture(open_page, workspace, state):
    app = open_page(workspace)
    app.file_uploader(key="model_file").upload("evil.onnx", b"no network at all").run()
    assert not app.exception
    assert ["no ONNX file" in error.value for error in app.error] == [True]
    assert state(app).plan is None


def test_a_refused_file_gets_one_sentence_and_changes_nothing(open_page, workspace, state):
    app = open_page(workspace)
    app.file_uploader(key="model_file").upload("evil.pt2", b"PK\x03\x04 not really").run()
    assert not app.exception
    assert len(app.error) == 1
    assert state(app).plan is None


def test_bare_weights_ask_for_their_network(open_page, workspace):
    app = open_page(workspace)
    app.file_uploader(key="model_file").upload("weights.safetensors", b"0" * 64).run()
    assert app.selectbox(key="architecture").options == [str(name) for name in SAMPLES]


def test_half_of_a_folder_is_told_what_is_missing(open_page, workspace, state):
    app = open_page(workspace)
    files = [("config.json", b"{}", JSON), ("vocab.json", b"{}", JSON)]
    app.file_uploader(key="model_file").set_value(files).run()
    assert ["weights are missing" in error.value for error in app.error] == [True]
    assert state(app).plan is None


def test_a_folder_that_brings_code_is_refused_and_leaves_nothing(open_page, workspace, state, home):
    config = b'{"architectures": ["BertModel"], "auto_map": {"AutoModel": "evil.Evil"}}'
    weights = save({"weight": np.zeros(2, np.float32)})
    app = open_page(workspace)
    files = [("config.json", config, JSON), ("model.safetensors", weights, "application/octet-stream")]
    app.file_uploader(key="model_file").set_value(files).run()
    assert ["brings code of its own" in error.value for error in app.error] == [True]
    assert state(app).plan is None
    assert list((home / "uploads").iterdir()) == []


def test_how_the_output_is_read_can_be_overridden(open_page, with_model, state):
    app = open_page(with_model)
    app.selectbox(key="output").set_value("probabilities").run()
    assert not app.exception
    assert state(app).plan.output == "probabilities"


RESNET = {
    "layers": [
        {"name": "conv1", "class_name": "Conv2d", "group": "g1"},
        {"name": "conv2", "class_name": "Conv2d", "group": "g1"},
        {"name": "fc<b>", "class_name": "Linear", "group": ""},
    ],
    "groups": [{"name": "g1", "cuttable": True}, {"name": "g2", "cuttable": False}],
    "nodes": [
        {"name": "x", "op": "input", "inputs": [], "shape": [1, 8, 8], "layer": None, "label": "input"},
        {"name": "conv1", "op": "conv", "inputs": ["x"], "shape": [4, 8, 8], "layer": "conv1", "label": "Conv2d"},
        {"name": "relu", "op": "elementwise", "inputs": ["conv1"], "shape": [4, 8, 8], "layer": None, "label": "relu"},
        {"name": "conv2", "op": "conv", "inputs": ["relu"], "shape": [4, 8, 8], "layer": "conv2", "label": "Conv2d"},
        {"name": "add", "op": "add", "inputs": ["relu", "conv2"], "shape": [4, 8, 8], "layer": None, "label": "add"},
        {"name": "fc", "op": "linear", "inputs": ["add"], "shape": [10], "layer": "fc<b>", "label": "Linear"},
        {"name": "out", "op": "output", "inputs": ["fc"], "shape": [10], "layer": None, "label": "output"},
    ],
}


def test_the_picture_has_a_line_per_layer_and_knows_skip_connections():
    drawn = lines(RESNET)
    assert [line.node["name"] for line in drawn] == ["x", "conv1", "conv2", "add", "fc"]
    assert drawn[1].after == ["relu"]
    assert drawn[3].inputs == [1, 2]
    assert drawn[3].group == "g1"


def test_groups_that_cannot_be_cut_are_grey_and_names_are_escaped():
    assert colours(RESNET)["g2"] == "var(--control)"
    assert "fc&lt;b&gt;" in picture(RESNET)
    assert "<b>fc<b>" not in picture(RESNET)


def described(ref, home, workspace):
    """What the lab says of a model."""
    file = references.resolve(ref, home, workspace)
    model = {"path": str(file.path), "architecture": file.architecture, "output": None}
    return lab(file.framework).ask("describe", {"model": model}, timeout=120)


def test_every_sample_can_be_drawn(open_page, workspace, state, home):
    app = open_page(workspace)
    for name in ("digits-resnet", "iris-mlp"):
        app.radio(key="sample").set_value(name).run()
        assert not app.exception
        assert described(state(app).plan.model, home, workspace)["layers"]


def test_bare_weights_open_with_a_network_that_the_operator_named(open_page, workspace, state, home, monkeypatch):
    code = home / "nets.py"
    code.write_text(
        "import torch\nfrom torch import nn\n\nexample_input = torch.zeros(2, 4)\n\n\n"
        "def small():\n    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))\n"
    )
    numbers = np.random.default_rng(0)
    shapes = {"0.weight": (6, 4), "0.bias": (6,), "2.weight": (3, 6), "2.bias": (3,)}
    weights = {name: numbers.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    monkeypatch.setenv("TOPIARY_ARCHITECTURES", f"small-net={code}:small")
    old = lab("pytorch")._child
    if old is not None:  # a restart of the server would end it too
        old.terminate()
        old.wait(20)
    app = open_page(workspace)
    app.file_uploader(key="model_file").upload("mine.safetensors", save(weights)).run()
    box = app.selectbox(key="architecture")
    assert set(SAMPLES) < set(box.options) and "small-net" in box.options
    assert not any(":" in option for option in box.options)
    box.set_value("small-net").run()
    assert not app.exception and [e.value for e in app.error if "mine" in e.value] == []
    plan = state(app).plan
    assert plan.model.startswith("sha256:")
    assert references.resolve(plan.model, home, workspace).architecture == "small-net"
    assert [layer["parameters"] for layer in described(plan.model, home, workspace)["layers"]] == [30, 21]
    monkeypatch.delenv("TOPIARY_ARCHITECTURES")
    with pytest.raises(BadSetting, match="small-net"):
        references.resolve(plan.model, home)
