"""Fine-tuning under masks: zeros stay, and going on from a file is going on."""

import os

import numpy as np
import pytest
import torch
from torch import nn

from core.backends.pytorch import BACKEND
from core.errors import BadSetting, Cancelled, EmptyData, RefusedFile
from core.masks import Mask
from core.plan import Recovery


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv1d(2, 6, 3, padding=1), nn.BatchNorm1d(6)
        self.attention, self.norm = nn.MultiheadAttention(6, 2, batch_first=True), nn.LayerNorm(6)
        self.drop, self.fc = nn.Dropout(0.3), nn.Linear(24, 3)

    def forward(self, x):
        x = torch.relu(self.bn(self.conv(x))).transpose(1, 2)
        x = self.norm(x + self.attention(x, x, x, need_weights=False)[0])
        return self.fc(self.drop(x.flatten(1)))


@pytest.fixture(scope="module")
def file(write, randomised, tmp_path_factory):
    """Exported once for all."""
    torch.manual_seed(0)
    return write(randomised(Net()), (2, 4), tmp_path_factory.mktemp("net") / "network.pt2")


@pytest.fixture
def model(file):
    return BACKEND.load(file)


@pytest.fixture
def data(batch_of):
    return batch_of((2, 4), 21), np.arange(21) % 3


def weights_of(trainer):
    return {name: array.copy() for name, array in trainer.model().arrays().items()}


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_masked_weights_stay_zero_under_every_optimiser(optimiser, model, data, masks_of):
    masks = masks_of(model)
    trainer = model.trainer(Recovery(optimiser=optimiser, batch_size=4), masks, seed=0)
    for number in range(3):
        trainer.epoch(*data, number, 1e-2)
        for name, mask in masks.items():
            array = trainer.model().arrays()[name]
            assert not array[~mask.kept].any()
            assert np.count_nonzero(array[mask.kept]) == mask.kept.sum()


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_going_on_from_a_file_gives_the_same_bits(optimiser, model, data, masks_of, tmp_path):
    recovery = Recovery(optimiser=optimiser, batch_size=4)
    unbroken = model.trainer(recovery, masks_of(model), seed=5)
    for number in range(4):
        unbroken.epoch(*data, number, 1e-2)
    broken = model.trainer(recovery, masks_of(model), seed=5)
    for number in range(2):
        broken.epoch(*data, number, 1e-2)
    broken.save(tmp_path / "checkpoint.safetensors")
    torch.manual_seed(99)
    resumed = model.trainer(recovery, {}, seed=5)
    resumed.load(tmp_path / "checkpoint.safetensors")
    for number in range(2, 4):
        resumed.epoch(*data, number, 1e-2)
    first, second = weights_of(unbroken), weights_of(resumed)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_another_seed_gives_other_weights(model, data):
    results = []
    for seed in (1, 1, 2):
        trainer = model.trainer(Recovery(batch_size=4), {}, seed=seed)
        trainer.epoch(*data, 0, 1e-2)
        results.append(weights_of(trainer)["fc.kernel"])
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_training_leaves_the_generator_of_others_alone(model, data):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    model.trainer(Recovery(), {}, seed=0).epoch(*data, 0, 1e-3)
    assert torch.equal(torch.rand(2), expected)


def test_dense_training_is_the_plain_loop(opened, batch_of):
    torch.manual_seed(0)
    model = opened(nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)), (5,))
    x, y = batch_of((5,), 16), np.arange(16) % 3
    plain = model.masked({}).module
    optimiser = torch.optim.Adam(plain.parameters(), lr=1e-2)
    trainer = model.trainer(Recovery(batch_size=16), {}, seed=0)
    for number in range(5):
        trainer.epoch(x, y, number, 1e-2)
        optimiser.zero_grad()
        nn.functional.cross_entropy(plain(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        optimiser.step()
    np.testing.assert_allclose(
        trainer.model().arrays()["2.kernel"], plain.get_submodule("2").weight.detach(), atol=1e-5
    )


def test_new_masks_take_weight_and_momentum_at_once(model, data, masks_of):
    trainer = model.trainer(Recovery(batch_size=4), {}, seed=0)
    trainer.epoch(*data, 0, 1e-2)
    masks = masks_of(model, share=0.8)
    trainer.set_masks(masks)
    assert all(not trainer.model().arrays()[name][~mask.kept].any() for name, mask in masks.items())
    trainer.epoch(*data, 1, 1e-2)
    assert all(not trainer.model().arrays()[name][~mask.kept].any() for name, mask in masks.items())


def test_a_gradient_that_is_not_a_number_does_not_wake_masked_weights(opened, batch_of):
    model = opened(nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3)), (5,))
    mask = Mask(np.random.default_rng(0).random((4, 5)) > 0.5)
    trainer = model.trainer(Recovery(batch_size=4), {"0.kernel": mask}, seed=0)
    x = batch_of((5,), 8)
    x[3] = np.inf
    trainer.epoch(x, np.zeros(8, np.int64), 0, 1e-2)
    assert not trainer.model().arrays()["0.kernel"][~mask.kept].any()


def test_a_last_batch_of_one_sample_is_no_trouble(model, data):
    result = model.trainer(Recovery(batch_size=20), {}, seed=0).epoch(*data, 0, 1e-3)
    assert result.samples == 21 and np.isfinite(result.loss) and 0 <= result.accuracy <= 1


def test_no_samples_are_refused(model, data):
    with pytest.raises(EmptyData):
        model.trainer(Recovery(), {}, seed=0).epoch(data[0][:0], data[1][:0], 0, 1e-3)


def test_a_poll_may_stop_an_epoch(model, data):
    def stop(done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        model.trainer(Recovery(batch_size=4), {}, seed=0).epoch(*data, 0, 1e-3, stop)


def test_a_damaged_checkpoint_is_refused(model, data, tmp_path, opened):
    path = tmp_path / "checkpoint.safetensors"
    trainer = model.trainer(Recovery(), {}, seed=0)
    trainer.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RefusedFile):
        trainer.load(path)
    other = opened(nn.Sequential(nn.Linear(5, 3)), (5,)).trainer(Recovery(), {}, seed=0)
    other.save(path)
    with pytest.raises(RefusedFile, match="another network"):
        trainer.load(path)


def test_layer_normalisation_trains_over_kept_channels(opened, batch_of):
    model = opened(nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.Linear(6, 3)), (5,))
    kept = np.array([1, 0, 1, 1, 0, 1], bool)
    masks = {"0.bias": Mask(kept), "1.scale": Mask(kept.copy()), "1.shift": Mask(kept.copy())}
    masks |= {"0.kernel": Mask(np.repeat(kept[:, None], 5, 1)), "2.kernel": Mask(np.repeat(kept[None], 3, 0))}
    cuts = {("0.bias", 0), ("1.scale", 0), ("1.shift", 0), ("0.kernel", 0), ("2.kernel", 1)}
    smaller = model.cut(dict.fromkeys(cuts, np.flatnonzero(kept)))
    x, y = batch_of((5,), 12), np.arange(12) % 3
    trained = []
    for network, given in ((model, masks), (smaller, {})):
        trainer = network.trainer(Recovery(optimiser="sgd", batch_size=4), given, seed=0)
        for number in range(3):
            trainer.epoch(x, y, number, 1e-2)
        trained.append(trainer.model())
    np.testing.assert_allclose(trained[0].arrays()["1.scale"][kept], trained[1].arrays()["1.scale"], atol=1e-5)
    np.testing.assert_allclose(trained[0].predict(x), trained[1].predict(x), atol=1e-4)


def test_batch_normalisation_of_a_single_sample_is_refused_in_a_sentence(opened):
    network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3))
    trainer = opened(network, (4,)).trainer(Recovery(batch_size=1), {}, 0)

    with pytest.raises(BadSetting, match="batch size of at least 2"):
        trainer.epoch(np.zeros((5, 4), np.float32), np.zeros(5, np.int64), 0, 0.01)


def test_a_checkpoint_lies_on_the_disk_before_anything_can_point_to_it(model, tmp_path, monkeypatch):
    told = []
    flushed, replaced = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (told.append("flushed"), flushed(handle)))
    monkeypatch.setattr(os, "replace", lambda one, other: (told.append("in place"), replaced(one, other)))

    model.trainer(Recovery(), {}, 0).save(tmp_path / "checkpoint.safetensors")

    assert told == ["flushed", "in place"]
