"""Networks come back from a file as layers that compute the same, train, and go into a file again."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from core.backends.pytorch import BACKEND
from core.plan import Recovery

spec = importlib.util.spec_from_file_location("architectures", Path(__file__).with_name("architectures.py"))
a = importlib.util.module_from_spec(spec)
spec.loader.exec_module(a)

#: Arrays without influence: all keys moved alike, and the state before the first step of the way back.
_IDLE = ("key_bias", "l0_reverse.recurrent")
BATCHES = [pytest.param(None, id="any batch"), pytest.param(1, id="batch 1")]


@pytest.fixture(scope="module")
def exported(write, randomised, tmp_path_factory):
    """A network of the list, its sample shape and its file; each exported once."""
    made = {}

    def get(name, batch=None):
        if (name, batch) not in made:
            maker, shape = a.NETWORKS[name]
            torch.manual_seed(3)
            network = randomised(maker())
            path = tmp_path_factory.mktemp("exported") / "network.pt2"
            made[name, batch] = (network, shape, write(network, shape, path, batch=batch))
        return made[name, batch]

    return get


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", a.NETWORKS)
def test_outputs_are_those_of_the_original(name, batch, exported, batch_of):
    network, shape, path = exported(name, batch)
    model = BACKEND.load(path)
    x = batch_of(shape, 7)
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(x)).numpy()
    assert model.trainable, model.notes
    np.testing.assert_allclose(model.predict(x, batch_size=4), expected, atol=1e-5)


@pytest.mark.parametrize("name", a.NETWORKS)
def test_it_trains_and_goes_into_a_file_again(name, exported, batch_of, tmp_path):
    _, shape, path = exported(name)
    model = BACKEND.load(path)
    x, y = batch_of(shape, 12), np.arange(12) % model.classes
    before = {name: array.copy() for name, array in model.arrays().items()}
    trainer = model.trainer(Recovery(batch_size=4), {}, seed=0)
    losses = [trainer.epoch(x, y, number, 1e-2).loss for number in range(12)]
    assert losses[-1] < losses[0]
    trained = trainer.model()
    changed = [name for name, array in trained.arrays().items() if not np.array_equal(array, before[name])]
    unmoved = {name for name in set(before) - set(changed) if not name.endswith(_IDLE)}
    assert not unmoved, "every array trains"
    assert all(np.array_equal(array, before[name]) for name, array in model.arrays().items()), "the original is shared"
    again = BACKEND.load(trained.save(tmp_path / "again.pt2"))
    np.testing.assert_allclose(again.predict(x), trained.predict(x), atol=1e-5)
    assert dict(again.graph().arrays) == dict(trained.graph().arrays)
    assert [(n.op, n.shape) for n in again.graph().nodes] == [(n.op, n.shape) for n in model.graph().nodes]


@pytest.mark.parametrize("name", a.NETWORKS)
def test_the_graph_is_understood_throughout(name, exported):
    _, shape, path = exported(name)
    model = BACKEND.load(path)
    graph = model.graph()
    assert model.notes == () or "cross" in name, "only the weights of attention, used as values, are odd"
    seen = set()
    for node in graph.nodes:
        assert set(node.inputs) <= seen
        seen.add(node.name)
    assert graph.nodes[0].shape == shape and graph.nodes[-1].shape == (1 if model.classes == 2 else model.classes,)
    used = {node.layer for node in graph.nodes if node.layer}
    assert {weight.layer for weight in graph.weights()} <= used


def test_layers_have_the_names_of_the_original(opened):
    model = opened(a.Series(), (2, 8))
    assert [weight.name for weight in model.graph().weights()] == [
        "conv.kernel", "block.0.kernel", "fc1.kernel", "fc2.kernel",
    ]  # fmt: skip
    assert model.graph().classes["bn2"] == "BatchNorm1d"


def test_a_layer_used_twice_is_one_layer(opened):
    graph = opened(a.Shared(), (5,)).graph()
    assert [node.layer for node in graph.nodes].count("shared") == 2


def test_gates_and_heads_have_their_canonical_places(opened):
    arrays = opened(a.Recurrent(torch.nn.LSTM), (6, 5)).graph().arrays
    assert arrays == {
        "rnn.kernel": (16, 5), "rnn.recurrent": (16, 4), "rnn.bias": (16,), "fc.kernel": (3, 4), "fc.bias": (3,),
    }  # fmt: skip
    arrays = opened(a.CrossAttention(kdim=5, vdim=5), (6, 8)).graph().arrays
    assert [arrays[f"attention.{role}"] for role in ("query", "key", "value", "out")] == [
        (8, 8),
        (8, 5),
        (8, 5),
        (8, 8),
    ]


@pytest.mark.parametrize(("maker", "shape", "kind"), [
    (a.Series, (2, 8), "logits"), (a.Concatenation, (2, 4, 4), "probabilities"),
    (a.Recurrent, (6, 5), "log_probabilities"), (a.FunctionalDropout, (5,), "sigmoid"),
    (lambda: torch.nn.Linear(5, 1), (5,), "sigmoid_logit"),
])  # fmt: skip
def test_the_kind_of_output_is_recognised(maker, shape, kind, opened):
    network = maker()
    model = opened(torch.nn.Sequential(network) if isinstance(network, torch.nn.Linear) else network, shape)
    assert model.output == kind
    assert model.classes == (2 if "sigmoid" in kind else model.predict(np.zeros((1, *shape), np.float32)).shape[1])


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_written_into_the_code_is_freed(batch, opened, batch_of):
    network = a.FixedViews(batch)
    model = opened(network, (48,), batch=batch)
    x = batch_of((48,), 6)
    with torch.no_grad():
        one_by_one = torch.cat([network.eval()(part) for part in torch.from_numpy(x).split(batch)])
    assert model.trainable, model.notes
    np.testing.assert_allclose(model.predict(x, batch_size=5), one_by_one.numpy(), atol=1e-5)


def test_a_network_that_keeps_its_batch_is_viewed_and_masked_only(opened, batch_of):
    network = a.AcrossTheBatch()
    model = opened(network, (4,), batch=3)
    assert not model.trainable
    assert any("batches of exactly 3" in note for note in model.notes)
    x = batch_of((4,), 6)
    with torch.no_grad():
        expected = torch.cat([network(part) for part in torch.from_numpy(x).split(3)]).numpy()
    np.testing.assert_allclose(model.predict(x), expected, atol=1e-5)
    with pytest.raises(ValueError, match="viewed and masked only"):
        model.trainer(Recovery(), {}, 0)


def test_a_network_exported_while_training_evaluates_and_trains(opened, batch_of):
    network = a.Series()
    model = opened(network, (2, 8), train=True)
    x = batch_of((2, 8), 5)
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(model.predict(x), expected, atol=1e-5)
    assert model.graph().classes["bn"] == "BatchNorm1d"


def test_words_are_embedded(opened):
    network = a.Words()
    model = opened(network, (7,), dtype=torch.int64)
    x = np.random.default_rng(0).integers(0, 11, (5, 7)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(x).long()).numpy()
    np.testing.assert_allclose(model.predict(x), expected, atol=1e-6)
    assert [weight.name for weight in model.graph().weights()] == ["fc.kernel"]


def test_an_unknown_operation_stays_as_it_is_and_is_named(opened, batch_of):
    class Sorting(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2 = torch.nn.Linear(5, 6), torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.fc2(torch.cumsum(self.fc1(x), dim=1))

    network = Sorting()
    model = opened(network, (5,))
    x = batch_of((5,))
    np.testing.assert_allclose(model.predict(x), network(torch.from_numpy(x)).detach().numpy(), atol=1e-6)
    assert any("cumsum" in note for note in model.notes)
    assert "opaque" in [node.op for node in model.graph().nodes]


def test_dropout_drops_and_statistics_move_in_training(opened, batch_of):
    model = opened(a.Series(), (2, 8))
    module = model.module
    statistics = model.arrays()["bn.mean"].copy()
    trainer = model.trainer(Recovery(batch_size=8), {}, seed=0)
    trainer.epoch(batch_of((2, 8), 8), np.zeros(8, np.int64), 0, 1e-3)
    assert not np.allclose(trainer.model().arrays()["bn.mean"], statistics)
    assert isinstance(module.get_submodule("block.2"), torch.nn.Dropout)


def test_sizes_left_to_the_exporter_are_free(tmp_path, batch_of):
    network = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool1d(1))
    network = torch.nn.Sequential(network, torch.nn.Flatten(), torch.nn.Linear(3, 3)).eval()
    auto = torch.export.Dim.AUTO
    program = torch.export.export(network, (torch.zeros(4, 2, 9),), dynamic_shapes=({0: auto, 2: auto},))
    torch.export.save(program, tmp_path / "auto.pt2")
    model = BACKEND.load(tmp_path / "auto.pt2")
    assert model.input_shapes == ((2, None),)
    x = batch_of((2, 12), 5)
    np.testing.assert_allclose(model.predict(x), network(torch.from_numpy(x)).detach().numpy(), atol=1e-6)


def test_a_frozen_network_can_be_trained(opened, batch_of):
    network = a.Shared().requires_grad_(False)
    trainer = opened(network, (5,)).trainer(Recovery(), {}, seed=0)
    first = trainer.epoch(batch_of((5,)), np.arange(6) % 3, 0, 1e-2)
    assert trainer.epoch(batch_of((5,)), np.arange(6) % 3, 1, 1e-2).loss < first.loss
