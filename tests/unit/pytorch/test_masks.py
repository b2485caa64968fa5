"""Previews: outputs under masks, from a model nobody changes."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from core.backends.pytorch import BACKEND
from core.errors import BadSetting, WrongShape
from core.masks import Mask


class Everything(nn.Module):
    """One of each layer whose arrays are views, thirds or sums of PyTorch's tensors."""

    def __init__(self):
        super().__init__()
        self.up, self.grouped = nn.ConvTranspose1d(2, 6, 2, stride=2), nn.Conv1d(6, 6, 3, padding=1, groups=3)
        self.attention, self.norm = nn.MultiheadAttention(6, 2, batch_first=True), nn.LayerNorm(6)
        self.gru, self.lstm = nn.GRU(6, 4, batch_first=True), nn.LSTM(4, 3, batch_first=True)
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        x = self.grouped(self.up(x)).transpose(1, 2)
        x = self.norm(x + self.attention(x, x, x, need_weights=False)[0])
        return self.fc(self.lstm(self.gru(x)[0])[0].mean(1))


@pytest.fixture(scope="module")
def file(write, randomised, tmp_path_factory):
    """Exporting it takes seconds, opening it does not."""
    torch.manual_seed(0)
    return write(randomised(Everything()), (2, 4), tmp_path_factory.mktemp("everything") / "network.pt2")


@pytest.fixture
def model(file):
    return BACKEND.load(file)


@pytest.fixture
def x(batch_of):
    return batch_of((2, 4), 9)


def test_a_masked_model_computes_what_zeroed_weights_compute(model, x, masks_of):
    masks = masks_of(model)
    zeroed = model.masked(masks)
    for name, mask in masks.items():
        assert not zeroed.arrays()[name][~mask.kept].any()
        assert np.array_equal(zeroed.arrays()[name][mask.kept], model.arrays()[name][mask.kept])
    np.testing.assert_allclose(model.predict(x, masks), zeroed.predict(x), atol=1e-6)
    assert not np.allclose(model.predict(x, masks), model.predict(x), atol=1e-3)


@pytest.mark.parametrize("name", ["up.kernel", "attention.key", "gru.recurrent", "lstm.kernel", "attention.value_bias"])
def test_each_array_is_masked_in_its_own_place(name, model, x, masks_of):
    (mask,) = masks_of(model, [name]).values()
    zeroed = model.masked({name: mask})
    others = [other for other in model.arrays() if other != name]
    assert all(np.array_equal(zeroed.arrays()[other], model.arrays()[other]) for other in others)
    np.testing.assert_allclose(model.predict(x, {name: mask}), zeroed.predict(x), atol=1e-6)


def test_a_preview_changes_nothing(model, x, masks_of):
    before = {name: array.copy() for name, array in model.arrays().items()}
    dense = model.predict(x)
    model.predict(x, masks_of(model))
    assert all(np.array_equal(array, before[name]) for name, array in model.arrays().items())
    assert np.array_equal(model.predict(x), dense)


def test_many_threads_each_get_their_own_answer(model, x, masks_of):
    wanted = {seed: (masks := masks_of(model, seed=seed), model.predict(x, masks)) for seed in range(6)}
    wrong = []

    def ask(seed):
        masks, expected = wanted[seed]
        for _ in range(10):
            if not np.array_equal(model.predict(x, masks, batch_size=2), expected):
                wrong.append(seed)

    expected = {seed: model.predict(x, masks, batch_size=2) for seed, (masks, _) in wanted.items()}
    wanted = {seed: (masks, expected[seed]) for seed, (masks, _) in wanted.items()}
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_same_mask_object_on_two_arrays_is_not_confused(model, x):
    mask = Mask(np.random.default_rng(0).random((6, 6)) > 0.5)
    first = model.predict(x, {"attention.query": mask})
    assert not np.allclose(model.predict(x, {"attention.value": mask}), first)
    assert np.array_equal(model.predict(x, {"attention.query": mask}), first)


def test_layer_normalisation_leaves_masked_channels_out(opened, batch_of):
    network = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Linear(8, 3))
    model = opened(network, (5,))
    kept = np.array([1, 1, 0, 1, 0, 1, 1, 1], bool)
    masks = {name: Mask(kept.copy()) for name in ("0.bias", "1.scale", "1.shift")}
    masks["0.kernel"] = Mask(np.repeat(kept[:, None], 5, 1))
    masks["2.kernel"] = Mask(np.repeat(kept[None], 3, 0))
    x = batch_of((5,))
    cuts = {("0.bias", 0): 0, ("1.scale", 0): 0, ("1.shift", 0): 0, ("0.kernel", 0): 0, ("2.kernel", 1): 0}
    smaller = model.cut(dict.fromkeys(cuts, np.flatnonzero(kept)))
    np.testing.assert_allclose(model.predict(x, masks), smaller.predict(x), atol=1e-5)
    np.testing.assert_allclose(model.masked(masks).predict(x), smaller.predict(x), atol=1e-5)


def test_arrays_are_read_only_views(model):
    arrays = model.arrays()
    state = dict(model.module.named_parameters())
    assert np.shares_memory(arrays["up.kernel"], state["up.weight"].detach().numpy())
    assert np.shares_memory(arrays["attention.key"], state["attention.in_proj_weight"].detach().numpy())
    assert arrays["up.kernel"].shape == (6, 2, 2)
    with pytest.raises(ValueError, match="read-only"):
        arrays["fc.bias"][0] = 1


def test_a_mask_that_fits_no_array_is_refused(model, x):
    with pytest.raises(BadSetting, match='no array "fc.weight"'):
        model.predict(x, {"fc.weight": Mask(np.ones((3, 3), bool))})
    with pytest.raises(BadSetting, match="shape"):
        model.predict(x, {"fc.kernel": Mask(np.ones((2, 3), bool))})


def test_samples_of_another_shape_are_refused(model, batch_of):
    with pytest.raises(WrongShape, match=r"\(2, 4\).*\(4, 2\)"):
        model.predict(batch_of((4, 2)))


def test_no_samples_give_no_outputs(model, x):
    assert model.predict(x[:0]).shape == (0, 3)


def test_poll_is_called_after_every_batch_and_may_stop_it(model, x):
    calls = []
    model.predict(x, batch_size=4, poll=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.predict(x, poll=stop)
    assert len(model.predict(x)) == 9


def test_gradients_are_those_of_the_loss(model, x, masks_of):
    masks = masks_of(model, ["fc.kernel", "attention.query", "up.kernel"])
    y = np.arange(9) % 3
    (found,) = model.gradients(iter([(x, y)]), masks)
    module = model.masked(masks).module
    nn.functional.cross_entropy(module(torch.from_numpy(x)), torch.from_numpy(y)).backward()
    state = dict(module.named_parameters())
    np.testing.assert_allclose(found["fc.kernel"], state["fc.weight"].grad.numpy(), atol=1e-6)
    np.testing.assert_allclose(found["up.kernel"], state["up.weight"].grad.transpose(0, 1).numpy(), atol=1e-6)
    np.testing.assert_allclose(found["attention.query"], state["attention.in_proj_weight"].grad[:6].numpy(), atol=1e-6)
    assert found["lstm.bias"].shape == (12,)
    assert set(found) == set(model.arrays())


@pytest.mark.parametrize(("last", "output"), [
    (nn.Softmax(1), "probabilities"), (nn.LogSoftmax(1), "log_probabilities"), (nn.Identity(), "logits"),
])  # fmt: skip
def test_the_loss_is_the_same_however_the_classes_are_told(last, output, opened, batch_of):
    torch.manual_seed(0)
    model = opened(nn.Sequential(nn.Linear(5, 3), last), (5,))
    assert model.output == output
    plain = opened(nn.Sequential(nn.Linear(5, 3)), (5,))
    x, y = batch_of((5,)), np.arange(6) % 3
    weights = model.module.get_submodule("0").weight
    plain.module.get_submodule("0").weight.data.copy_(weights)
    plain.module.get_submodule("0").bias.data.copy_(model.module.get_submodule("0").bias)
    (found,), (expected,) = model.gradients(iter([(x, y)])), plain.gradients(iter([(x, y)]))
    np.testing.assert_allclose(found["0.kernel"], expected["0.kernel"], atol=1e-6)


def test_the_output_can_be_told(opened, batch_of):
    model = opened(nn.Sequential(nn.Linear(5, 3)), (5,))
    told = model.with_output("probabilities")
    assert (model.output, told.output) == ("logits", "probabilities")
    assert np.shares_memory(model.arrays()["0.kernel"], told.arrays()["0.kernel"])
    with pytest.raises(BadSetting, match="3 units"):
        model.with_output("sigmoid")
