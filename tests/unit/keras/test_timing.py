"""What is timed of a Keras network: whole predictions, and single layers by their names in the neutral graph."""

import numpy as np
import pytest

from core.backends import backend
from core.measures.layers import layer_times
from core.runtimes import RUNTIMES
from sample_models import SAMPLES


@pytest.fixture(scope="module", params=["digits-lenet5", "mnist1d-gru"])
def network(request):
    return backend("keras").load(SAMPLES[request.param].path("keras"))


def batch(network, size):
    return np.zeros((size, *network.input_shapes[0]), np.float32)


def test_every_layer_with_multiply_adds_has_its_time(network):
    found = {one.name: one for one in layer_times(network, batch(network, 2), rounds=3)}
    layers = {weight.layer for weight in network.graph().weights()}
    assert layers <= set(found)
    assert all(found[name].macs > 0 and found[name].time.median_ms >= 0 for name in layers)


@pytest.mark.parametrize("name", ["native", "onnxruntime", "litert"])
def test_a_runtime_predicts_any_batch(name, tmp_path):
    network = backend("keras").load(SAMPLES["iris-mlp"].path("keras"))
    runtime = RUNTIMES[name]
    assert runtime.refuses(network) == ""
    ready = runtime.opened(network, 1, tmp_path)
    for size in (1, 5):
        assert ready.on(batch(network, size))() is None
    assert (ready.file is not None) == bool(runtime.loader)


def test_xla_compiles_a_small_network(tmp_path):
    network = backend("keras").load(SAMPLES["iris-mlp"].path("keras"))
    assert RUNTIMES["compiled"].opened(network, 1, tmp_path).on(batch(network, 3))() is None
