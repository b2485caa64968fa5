"""What is timed of a PyTorch network: whole predictions, and single layers by their names in the neutral graph."""

import numpy as np
import pytest
import torch

from core.backends import backend
from core.backends.pytorch import compiling
from core.errors import BadModel, Unavailable, WrongShape
from core.measures.layers import layer_times
from core.runtimes import RUNTIMES
from core.runtimes.onnxruntime import session
from sample_models import SAMPLES


@pytest.fixture(scope="module", params=["digits-lenet5", "mnist1d-gru"])
def network(request):
    return backend("pytorch").load(SAMPLES[request.param].path("pytorch"))


def batch(network, size):
    return np.zeros((size, *network.input_shapes[0]), np.float32)


def test_every_layer_with_multiply_adds_has_its_time(network):
    found = {one.name: one for one in layer_times(network, batch(network, 2), rounds=3)}
    layers = {weight.layer for weight in network.graph().weights()}
    assert layers <= set(found)
    assert all(found[name].macs > 0 and found[name].time.median_ms > 0 for name in layers)


def test_rounds_can_be_stopped_and_are_told(network):
    told = []
    network.layer_times(batch(network, 1), 1, rounds=3, poll=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_numbers_too_small_count_as_zero_while_layers_are_timed_and_not_after(network):
    small, seen = torch.tensor(1e-30), []
    network.layer_times(batch(network, 1), 1, rounds=1, poll=lambda done, total: seen.append(bool(small * 1e-10)))
    assert seen == [False]
    assert bool(small * 1e-10)


@pytest.mark.parametrize("name", ["native", "onnxruntime"])
def test_a_runtime_predicts_any_batch(name, tmp_path):
    network = backend("pytorch").load(SAMPLES["iris-mlp"].path("pytorch"))
    ready = RUNTIMES[name].opened(network, 1, tmp_path)
    for size in (1, 5):
        assert ready.on(batch(network, size))() is None
    assert (ready.file is not None) == bool(RUNTIMES[name].loader)


def test_what_onnx_runtime_does_not_open_is_told_in_a_sentence(tmp_path):
    file = tmp_path / "odd.onnx"
    file.write_bytes(b"odd")
    with pytest.raises(BadModel, match="ONNX Runtime cannot open the network: ."):
        session(file, 1)


def test_a_batch_of_another_shape_is_refused_before_it_is_timed(network):
    with pytest.raises(WrongShape):
        network.repeated(np.zeros((1, 3), np.float32), 1)


def test_without_a_compiler_compiling_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert 'there is no "no-such-compiler"' in compiling.refusal.__wrapped__()


def test_a_compiler_that_hangs_is_given_up():
    if compiling.refusal():
        pytest.skip("there is no compiler here to hang")
    with pytest.raises(Unavailable, match="not done with one addition"):
        compiling.probe.__wrapped__(seconds=0.01)
