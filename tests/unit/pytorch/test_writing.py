"""Networks written for others: rebuilt without pickle from values and JSON, and as ONNX; smaller ones, zeros kept."""

import json
import runpy
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from core.backends import onnx_files
from core.backends.pytorch import BACKEND
from core.errors import BadModel
from core.formats import FORMATS
from core.inputs import Several
from core.plan import DataChoice, Plan
from core.pruning import decide, pools

KINDS = runpy.run_path(str(Path(__file__).with_name("test_cutting_kinds.py")))
#: Convolutions both ways with normalisations; recurrent stacks; attention with heads gone; scales and plain tensors.
NETWORKS = ("pictures", "states of an LSTM", "cross", "series")


def rebuilt(folder, *inputs):
    """The outputs of what the folder's own loader makes, of several the first."""
    model = runpy.run_path(str(folder / "load.py"))["load"](folder)
    assert not model.training
    with torch.no_grad():
        found = model(*(torch.tensor(x) for x in inputs))
    return (found if isinstance(found, torch.Tensor) else found[0]).numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_smaller_network_is_rebuilt_without_pickle(name, opened, batch_of, tmp_path):
    maker, shape, _ = KINDS["NETWORKS"][name]
    torch.manual_seed(0)
    model, x = opened(maker(), shape), batch_of(shape, 5)
    decision, removed = KINDS["halved"](model)
    for number, found in enumerate((model.masked(decision.masks), model.masked(decision.masks).cut(removed))):
        folder = found.write("safetensors", tmp_path / f"network-{number}")
        np.testing.assert_allclose(rebuilt(folder, x), found.predict(x), atol=1e-5)
        files = sorted(path.name for path in folder.iterdir())
        assert files == ["architecture.json", "load.py", "weights.safetensors"]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A picture and words in, two results out; half the weights zero."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.embed = nn.Conv1d(2, 4, 3, padding=1), nn.Embedding(9, 4)
            self.norm, self.gru = nn.BatchNorm1d(4), nn.GRU(4, 4, batch_first=True)
            self.classes, self.number = nn.Linear(8, 3), nn.Linear(8, 1)

        def forward(self, output, words):
            x = torch.relu(self.norm(self.conv(output))).mean(2)
            x = torch.cat([x, self.gru(self.embed(words))[0][:, -1]], 1)
            return self.classes(x), self.number(x)

    torch.manual_seed(0)
    path, batch = tmp_path_factory.mktemp("two") / "two.pt2", torch.export.Dim("batch")
    example = (torch.zeros(2, 2, 5), torch.zeros(2, 6, dtype=torch.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(Two().eval(), example, dynamic_shapes=({0: batch},) * 2), path)
    model = BACKEND.load(path)
    plan = Plan("-", DataChoice("-"), sparsity=0.5)
    return model.masked(decide(pools(model, plan, None), plan, model.graph()).masks)


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    arrays = (rng.normal(size=(7, 2, 5)).astype(np.float32), rng.integers(0, 9, (7, 6)))
    return Several(arrays, ("output", "words"))


def zeros(arrays):
    return sum(int((array == 0).sum()) for array in arrays if array.ndim > 1)


@pytest.mark.parametrize("kind", ["safetensors", "sparse"])
def test_several_inputs_and_results_and_every_zero_come_back(kind, two, x, tmp_path):
    form = FORMATS[kind]
    folder = form.write(two, tmp_path, "two")
    np.testing.assert_allclose(rebuilt(folder, *x.arrays), two.predict(x), atol=1e-6)
    assert zeros(form.constants(two, folder)) == zeros(two.arrays().values()) > 0


def test_onnx_has_the_networks_names_any_batch_its_zeros_and_no_path_of_this_machine(two, x, tmp_path):
    path = two.write("onnx", tmp_path / "two")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [(one.name, one.shape[0]) for one in session.get_inputs()] == [("output", "batch"), ("words", "batch")]
    assert len(session.get_outputs()) == 2
    for rows in (slice(0, 1), slice(0, 7)):
        given = dict(zip(("output", "words"), x[rows].arrays, strict=True))
        np.testing.assert_allclose(session.run(None, given)[0], two.predict(x[rows]), atol=1e-5)
    assert zeros(onnx_files.constants(path)) >= zeros(two.arrays().values())
    content = path.read_bytes()
    assert not any(word in content for word in (b"site-packages", b"stack_trace", str(Path.cwd()).encode()))


def test_the_native_file_names_no_path_of_this_machine_either(two, tmp_path):
    content = two.save(tmp_path / "two").read_bytes()
    assert not any(word in content for word in (b"site-packages", str(Path.cwd()).encode()))


def test_an_operation_without_an_entry_is_refused_by_name(opened, tmp_path):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            return torch.erfinv(torch.tanh(self.fc(x)) * 0.5)

    model = opened(Odd(), (4,))
    assert "erfinv" in model.formats()["safetensors"]
    with pytest.raises(BadModel, match='"erfinv" has no entry'):
        model.write("safetensors", tmp_path / "odd")
    assert "litert-torch" in model.formats()["litert"]


def test_the_loader_calls_nothing_but_what_it_lists(two, tmp_path):
    folder = two.write("safetensors", tmp_path / "two")
    load = runpy.run_path(str(folder / "load.py"))["load"]
    about = json.loads((folder / "architecture.json").read_text())
    for change, match in (
        ({"kind": "aten", "target": "from_file.default"}, "not an operation"),
        ({"kind": "python", "target": "eval"}, "not an operation"),
    ):
        steps = [{**about["steps"][0]}, {"name": "odd", **change}]
        (folder / "architecture.json").write_text(json.dumps({**about, "steps": steps}))
        with pytest.raises(ValueError, match=match):
            load(folder)(torch.zeros(1), torch.zeros(1))
    layers = {"conv": {"kind": "Module", "settings": {}}}
    (folder / "architecture.json").write_text(json.dumps({**about, "layers": layers}))
    with pytest.raises(ValueError, match="not a layer"):
        load(folder)
