"""Bare weights and the network they belong to; networks that cannot be worked with."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.backends.pytorch import BACKEND
from core.errors import BadModel, BadWeights, NeedsArchitecture, NothingPrunable
from core.masks import Mask
from sample_models import pytorch_networks


@pytest.fixture(scope="module")
def sample():
    torch.manual_seed(0)
    return pytorch_networks.digits_lenet5().eval()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
@pytest.mark.parametrize("architecture", ["digits-lenet5", "sample_models.pytorch_networks:digits_lenet5"])
def test_weights_with_an_architecture_are_a_network(suffix, architecture, sample, tmp_path, batch_of):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(sample.state_dict(), path)
    else:
        torch.save(
            {"epoch": 3, "model_state_dict": sample.state_dict()} if suffix == ".pth" else sample.state_dict(), path
        )
    model = BACKEND.load(path, architecture)
    x = batch_of((1, 8, 8))
    np.testing.assert_allclose(model.predict(x), sample(torch.from_numpy(x)).detach().numpy(), atol=1e-5)
    assert model.trainable


def test_a_file_may_hold_the_architecture_and_an_example(tmp_path, batch_of):
    code = tmp_path / "mine.py"
    code.write_text(
        "import torch\nfrom torch import nn\nexample_input = torch.zeros(2, 3, 7)\n\n\n"
        "def build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(21, 4))\n"
    )
    network = nn.Sequential(nn.Flatten(), nn.Linear(21, 4))
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    model = BACKEND.load(tmp_path / "w.safetensors", f"{code}:build")
    assert model.input_shapes == ((3, 7),)
    x = batch_of((3, 7))
    np.testing.assert_allclose(model.predict(x), network(torch.from_numpy(x)).detach().numpy(), atol=1e-6)


def test_an_example_of_several_inputs_is_a_tuple(tmp_path):
    code = tmp_path / "mine.py"
    code.write_text(
        "import torch\nfrom torch import nn\n"
        "example_input = (torch.zeros(2, 4), torch.zeros(2, 3, dtype=torch.int64))\n\n\n"
        "class Two(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.words, self.fc = nn.Embedding(5, 4), nn.Linear(4, 2)\n\n"
        "    def forward(self, numbers, tokens):\n"
        "        return self.fc(numbers + self.words(tokens).sum(1))\n"
    )
    state = {"words.weight": torch.ones(5, 4), "fc.weight": torch.ones(2, 4), "fc.bias": torch.zeros(2)}
    save_file(state, tmp_path / "w.safetensors")
    model = BACKEND.load(tmp_path / "w.safetensors", f"{code}:Two")
    assert (model.input_names, model.input_shapes) == (("numbers", "tokens"), ((4,), (3,)))


@pytest.mark.parametrize(("architecture", "match"), [
    (None, "weights only"), ("digits-lenet9", "digits_lenet9"), ("no.such.module:net", "cannot be imported"),
    ("no_such_file.py:net", "no file"), ("iris-mlp", "do not fit"), ("json:dumps", "could not be built"),
    ("builtins:dict", "nn.Module"),
])  # fmt: skip
def test_an_architecture_that_is_missing_or_wrong_is_named(architecture, match, sample, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(sample.state_dict(), path)
    with pytest.raises(NeedsArchitecture, match=match):
        BACKEND.load(path, architecture)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(value, opened):
    network = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    network[1].weight.data[0, 1] = value
    with pytest.raises(BadWeights, match='"1.kernel" holds 1 NaN or infinite'):
        opened(network, (4,))


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_an_empty_layer_is_named(opened):
    with pytest.raises(BadWeights, match='layer "0" is empty'):
        opened(nn.Sequential(nn.Linear(4, 0), nn.Linear(0, 2)), (4,))


def test_a_network_without_prunable_weights_is_named(opened):
    with pytest.raises(NothingPrunable):
        opened(nn.Sequential(nn.BatchNorm1d(4), nn.Softmax(1)), (4,))


def test_two_inputs_need_as_many_samples_each(tmp_path):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x, y):
            return self.fc(x + y.sum(0))

    path = tmp_path / "two.pt2"
    torch.export.save(torch.export.export(Two(), (torch.zeros(2, 4), torch.zeros(3, 4))), path)
    with pytest.raises(BadModel, match="different numbers of samples"):
        BACKEND.load(path)


def test_tied_weights_are_pruned_once(opened, batch_of):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
            self.fc2.weight = self.fc1.weight

        def forward(self, x):
            return self.last(torch.relu(self.fc2(torch.relu(self.fc1(x)))))

    network = Tied()
    model = opened(network, (4,))
    x = batch_of((4,))
    np.testing.assert_allclose(model.predict(x), network(torch.from_numpy(x)).detach().numpy(), atol=1e-6)
    assert [weight.shape for weight in model.graph().weights()] == [(4, 4), (2, 4)]
    mask = {model.graph().weights()[0].name: Mask(np.zeros((4, 4), bool))}
    zeroed = torch.relu(network.fc2.bias).detach()
    np.testing.assert_allclose(model.predict(x, mask)[0], network.last(zeroed).detach().numpy(), atol=1e-6)


def test_importing_the_backend_imports_no_framework():
    import subprocess
    import sys

    code = "import core.backends.pytorch, sys; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_environment_is_told(monkeypatch):
    monkeypatch.setenv("TOPIARY_DEVICE", "cpu")
    assert BACKEND.environment()["device"] == "cpu"
    monkeypatch.setenv("TOPIARY_DEVICE", "abacus")
    with pytest.raises(OSError, match="abacus"):
        BACKEND.environment()
