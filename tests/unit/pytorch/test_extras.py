"""Training with more than labels: each extra against a formula in numpy or a plain loop."""

import numpy as np
import pytest
import torch
from torch import nn

from core.backends._base import Extras
from core.errors import BadSetting, RefusedFile, UnknownName, WrongLabels
from core.masks import Mask
from core.penalties import PENALTIES
from core.plan import Recovery

SGD = Recovery(optimiser="sgd", batch_size=64)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.ConvTranspose1d(2, 6, 2, groups=2), nn.BatchNorm1d(6)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.drop, self.lstm, self.fc = nn.Dropout(0.3), nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        x = torch.relu(self.bn(self.conv(x))).transpose(1, 2)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.fc(self.drop(self.lstm(x)[0][:, -1]))


@pytest.fixture(scope="module")
def model(opened_once):
    torch.manual_seed(0)
    return opened_once(Net(), (2, 4))


@pytest.fixture
def data(batch_of):
    return batch_of((2, 4), 21), np.arange(21) % 3


@pytest.fixture(scope="module")
def mlp(opened_once):
    torch.manual_seed(1)
    return opened_once(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), (4,))


@pytest.fixture
def points(batch_of):
    return batch_of((4,), 12), np.arange(12) % 3


def arrays_of(model):
    return {name: array.copy() for name, array in model.arrays().items()}


def softened(outputs, temperature):
    scaled = outputs.astype(np.float64) / temperature
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))


def cross_entropy(outputs, y):
    return -softened(outputs, 1)[np.arange(len(y)), y]


def test_classes_are_weighed_without_dividing_by_their_sum(mlp, points):
    x, y = points
    factors = np.array([0.5, 2.0, 0.5], np.float32)
    expected = (cross_entropy(mlp.predict(x), y) * factors[y]).mean()
    trainer = mlp.trainer(SGD, {}, 0, Extras(class_weights=factors))
    assert trainer.epoch(x, y, 0, 0.1).loss == pytest.approx(expected, rel=1e-5)
    (slope,) = mlp.gradients([(x, y, factors[y])])
    step = mlp.arrays()["2.kernel"] - 0.1 * slope["2.kernel"]
    np.testing.assert_allclose(trainer.model().arrays()["2.kernel"], step, atol=1e-6)


def test_a_teacher_joins_the_loss_as_hinton_wrote_it(mlp, points):
    x, y = points
    teacher = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    own, wanted = softened(mlp.predict(x), 3.0), softened(teacher, 3.0)
    divergence = (np.exp(wanted) * (wanted - own)).sum(1).mean()
    expected = 0.3 * cross_entropy(mlp.predict(x), y).mean() + 0.7 * 9.0 * divergence
    extras = Extras(teacher=teacher, temperature=3.0, teacher_weight=0.7)
    assert mlp.trainer(SGD, {}, 0, extras).epoch(x, y, 0, 0.1).loss == pytest.approx(expected, rel=1e-5)


def test_a_teacher_of_one_unit_tells_two_classes(opened, batch_of):
    model = opened(nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), (4,))
    x, y = batch_of((4,), 8), np.arange(8) % 2
    teacher = np.random.default_rng(0).uniform(0.1, 0.9, (8, 1)).astype(np.float32)
    own, wanted = (1 / (1 + np.exp(-np.log(p / (1 - p)) / 2)) for p in (model.predict(x)[:, 0], teacher[:, 0]))
    divergence = wanted * np.log(wanted / own) + (1 - wanted) * np.log((1 - wanted) / (1 - own))
    extras = Extras(teacher=teacher, temperature=2.0, teacher_weight=1.0)
    found = model.trainer(SGD, {}, 0, extras).epoch(x, y, 0, 0.1).loss
    assert found == pytest.approx(4.0 * divergence.mean(), rel=1e-4)


def test_the_teachers_rows_follow_the_samples_wherever_they_are_dealt(mlp, points):
    x, y = points
    teacher = mlp.predict(x)
    extras = Extras(teacher=teacher, teacher_weight=1.0)
    trainer = mlp.trainer(Recovery(optimiser="sgd", batch_size=5), {}, 3, extras)
    assert trainer.epoch(x, y, 0, 1e-9).loss == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", ["l1", "l2", "group_lasso", "bn_scale"])
def test_penalties_pull_as_their_sub_gradients_say(name, model, data):
    plain, pulled = (model.trainer(SGD, {}, 0, Extras(penalty=penalty, strength=0.3)) for penalty in ("none", name))
    losses = [trainer.epoch(*data, 0, 0.01).loss for trainer in (plain, pulled)]
    assert losses[0] == losses[1]
    penalty = PENALTIES[name]
    names = penalty.arrays(model.graph())
    first, second, start = arrays_of(plain.model()), arrays_of(pulled.model()), model.arrays()
    for array in first:
        if not array.endswith((".mean", ".variance")):
            pull = 0.3 * penalty.gradient(start[array]) if array in names else np.zeros_like(first[array])
            np.testing.assert_allclose(first[array] - second[array], 0.01 * pull, atol=1e-6, err_msg=array)


def test_penalties_leave_masked_weights_at_zero(model, data, masks_of):
    masks = masks_of(model)
    trainer = model.trainer(
        Recovery(batch_size=7), masks, 0, Extras(penalty="group_lasso", strength=0.01, movement=True)
    )
    trainer.epoch(*data, 0, 1e-2)
    assert all(not trainer.model().arrays()[name][~mask.kept].any() for name, mask in masks.items())
    assert all(not trainer.movement()[name][~mask.kept].any() for name, mask in masks.items())


def test_dense_updates_move_what_masks_hide(mlp, points, masks_of):
    x, y = points
    masks = masks_of(mlp)
    trainer = mlp.trainer(SGD, masks, 0, Extras(dense_updates=True))
    start = arrays_of(mlp)
    assert all(np.array_equal(trainer.dense_arrays()[name], start[name]) for name in start)
    (slope,) = mlp.gradients([(x, y)], masks)
    trainer.epoch(x, y, 0, 0.1)
    dense, seen = trainer.dense_arrays(), trainer.model().arrays()
    for name, mask in masks.items():
        np.testing.assert_allclose(dense[name], start[name] - 0.1 * slope[name], atol=1e-6)
        assert np.array_equal(seen[name], np.where(mask.kept, dense[name], 0))
    trainer.set_masks({})
    assert all(np.array_equal(trainer.model().arrays()[name], dense[name]) for name in dense)


def test_movement_sums_gradient_times_weight_over_the_steps(mlp, points):
    x, y = points
    trainer = mlp.trainer(SGD, {}, 0, Extras(movement=True))
    expected = {weight.name: 0.0 for weight in mlp.graph().weights()}
    for number in range(3):
        now = trainer.model()
        (slope,) = now.gradients([(x, y)])
        expected = {name: total - slope[name] * now.arrays()[name] for name, total in expected.items()}
        trainer.epoch(x, y, number, 0.1)
    found = trainer.movement()
    assert list(found) == list(expected)
    for name, total in expected.items():
        np.testing.assert_allclose(found[name], total, atol=1e-5)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_extras_go_on_from_a_file_to_the_same_bits(dense, optimiser, model, data, masks_of, tmp_path):
    teacher = np.random.default_rng(0).normal(size=(21, 3)).astype(np.float32)
    extras = Extras("l1", 1e-3, teacher, class_weights=np.ones(3, np.float32), dense_updates=dense, movement=True)
    recovery = Recovery(optimiser=optimiser, batch_size=4)
    unbroken, broken = (model.trainer(recovery, masks_of(model), 5, extras) for _ in range(2))
    for number in range(2):
        unbroken.epoch(*data, number, 1e-2)
        broken.epoch(*data, number, 1e-2)
    broken.save(tmp_path / "checkpoint.safetensors")
    resumed = model.trainer(recovery, {}, 5, extras)
    resumed.load(tmp_path / "checkpoint.safetensors")
    for trainer in (unbroken, resumed):
        trainer.epoch(*data, 2, 1e-2)
    found, expected = ((t.dense_arrays(), t.movement(), t.model().arrays()) for t in (resumed, unbroken))
    for own, wanted in zip(found, expected, strict=True):
        assert all(np.array_equal(own[name], wanted[name]) for name in wanted)


def test_masks_can_be_exchanged_between_batches(mlp, points):
    x, y = points
    kept = np.zeros((6, 4), bool)
    kept.ravel()[::3] = True
    trainer = mlp.trainer(Recovery(batch_size=4), {"0.kernel": Mask(kept)}, 0)
    seen = []

    def exchange(done):
        nonlocal kept
        now = trainer.model()
        (slope,) = now.gradients([(x, y)], {"0.kernel": Mask(kept)})
        weights = np.abs(now.arrays()["0.kernel"])
        drop = np.argmin(np.where(kept, weights, np.inf))
        grow = np.argmax(np.where(kept, -1, np.abs(slope["0.kernel"])))
        kept = kept.copy()
        kept.ravel()[drop], kept.ravel()[grow] = False, True
        trainer.set_masks({"0.kernel": Mask(kept)})
        after = trainer.model().arrays()["0.kernel"]
        assert not after[~kept].any() and after.ravel()[grow] == 0
        seen.append(done)

    trainer.epoch(x, y, 0, 1e-2, between=exchange)
    assert seen == [1, 2, 3]
    trainer.epoch(x, y, 1, 1e-2)
    assert np.count_nonzero(trainer.model().arrays()["0.kernel"]) == 8


def test_looking_at_the_model_between_batches_does_not_end_training_mode(model, data):
    recovery = Recovery(batch_size=4)
    plain, watched = (model.trainer(recovery, {}, 0) for _ in range(2))
    plain.epoch(*data, 0, 1e-2)
    watched.epoch(*data, 0, 1e-2, between=lambda done: watched.model().predict(data[0]))
    first, second = arrays_of(plain.model()), arrays_of(watched.model())
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_other_values_start_the_optimiser_anew(model, data, masks_of):
    masks, recovery = masks_of(model), Recovery(batch_size=4)
    start = arrays_of(model)
    trainer = model.trainer(recovery, masks, 0)
    trainer.epoch(*data, 0, 1e-2)
    trainer.set_arrays(start)
    assert all(not trainer.model().arrays()[name][~mask.kept].any() for name, mask in masks.items())
    fresh = model.trainer(recovery, masks, 0)
    fresh.set_arrays(start)  # an LSTM's bias is one of PyTorch's two then
    for each in (trainer, fresh):
        each.epoch(*data, 0, 1e-2)
    first, second = arrays_of(trainer.model()), arrays_of(fresh.model())
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_statistics_measured_anew_leave_the_optimiser_its_memory(model, data):
    plain, measured = (model.trainer(Recovery(batch_size=4), {}, 0) for _ in range(2))
    for each in (plain, measured):
        each.epoch(*data, 0, 1e-2)
    statistics = {name: measured.model().arrays()[name].copy() for name in ("bn.mean", "bn.variance")}
    measured.set_arrays(statistics)
    for each in (plain, measured):
        each.epoch(*data, 1, 1e-2)
    first, second = arrays_of(plain.model()), arrays_of(measured.model())
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_arrays_come_back_as_they_were_put(model, data):
    rng = np.random.default_rng(3)
    values = {name: rng.normal(size=array.shape).astype(np.float32) ** 2 for name, array in model.arrays().items()}
    before = arrays_of(model)
    other = model.with_arrays(values)
    assert all(np.array_equal(other.arrays()[name], values[name]) for name in values)
    assert all(np.array_equal(model.arrays()[name], before[name]) for name in before)
    part = model.with_arrays({"attention.key": values["attention.key"]})
    assert np.array_equal(part.arrays()["attention.key"], values["attention.key"])
    assert np.array_equal(part.arrays()["attention.query"], before["attention.query"])
    assert np.shares_memory(part.arrays()["fc.kernel"], model.arrays()["fc.kernel"])
    assert not np.allclose(part.predict(data[0]), model.predict(data[0]))


def test_recalibration_is_the_mean_of_the_batches_statistics(model, data, masks_of):
    x = data[0]
    masks = masks_of(model, ["conv.kernel"])
    again = model.recalibrated(x, masks, batch_size=8)
    conv = model.masked(masks).module.get_submodule("conv")
    with torch.no_grad():
        batches = [conv(torch.from_numpy(x[start : start + 8])).double().numpy() for start in range(0, 21, 8)]
    sizes = [len(batch) for batch in batches]
    mean = np.average([batch.mean((0, 2)) for batch in batches], axis=0, weights=sizes)
    variance = np.average([batch.var((0, 2)) for batch in batches], axis=0, weights=sizes)
    np.testing.assert_allclose(again.arrays()["bn.mean"], mean, atol=1e-6)
    np.testing.assert_allclose(again.arrays()["bn.variance"], variance, rtol=1e-5)
    for name, array in model.arrays().items():
        if name not in ("bn.mean", "bn.variance"):
            expected = np.where(masks[name].kept, array, 0) if name in masks else array
            assert np.array_equal(again.arrays()[name], expected)


def test_later_normalisations_see_what_earlier_ones_do_to_a_batch(opened, batch_of):
    model = opened(
        nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 2)), (4,)
    )
    x = batch_of((4,), 10)
    again = model.recalibrated(x, batch_size=16)
    plain = model.masked({}).module.train()
    for path in ("1", "3"):
        plain.get_submodule(path).momentum = 1.0
    plain(torch.from_numpy(x))
    for path in ("1", "3"):
        layer = plain.get_submodule(path)
        np.testing.assert_allclose(again.arrays()[f"{path}.mean"], layer.running_mean, atol=1e-6)
        np.testing.assert_allclose(again.arrays()[f"{path}.variance"], layer.running_var * 0.9, rtol=1e-5)


def test_without_batch_normalisation_recalibration_changes_nothing(mlp, points):
    again = mlp.recalibrated(points[0])
    assert all(np.array_equal(again.arrays()[name], array) for name, array in mlp.arrays().items())


def test_extras_that_do_not_fit_are_refused(mlp, points, tmp_path):
    def train(**extras):
        mlp.trainer(SGD, {}, 0, Extras(**extras)).epoch(*points, 0, 0.1)

    with pytest.raises(UnknownName):
        train(penalty="l7")
    with pytest.raises(BadSetting, match="strength"):
        train(penalty="l1", strength=-1.0)
    with pytest.raises(BadSetting, match=r"teacher.*\(11, 3\).*12 samples"):
        train(teacher=np.zeros((11, 3), np.float32))
    with pytest.raises(BadSetting, match="NaN"):
        train(teacher=np.full((12, 3), np.nan, np.float32))
    with pytest.raises(BadSetting, match="temperature"):
        train(teacher=np.zeros((12, 3), np.float32), temperature=0.0)
    with pytest.raises(BadSetting, match="3 numbers"):
        train(class_weights=np.ones(2, np.float32))
    with pytest.raises(BadSetting, match=r"Extras\.movement"):
        mlp.trainer(SGD, {}, 0).movement()
    trainer = mlp.trainer(SGD, {}, 0)
    with pytest.raises(BadSetting, match='no array "5.kernel"'):
        trainer.set_arrays({"5.kernel": np.zeros((3, 6), np.float32)})
    with pytest.raises(BadSetting, match="shape"):
        mlp.with_arrays({"0.kernel": np.zeros((4, 6), np.float32)})
    with pytest.raises(WrongLabels):
        trainer.epoch(points[0], points[1] + 1, 0, 0.1)
    trainer.save(tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors").write_bytes(b"no checkpoint")
    with pytest.raises(RefusedFile):
        trainer.load(tmp_path / "a.safetensors")
