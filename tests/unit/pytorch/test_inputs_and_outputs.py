"""Networks of several inputs, several outputs, tokens, and numbers instead of classes."""

import numpy as np
import pytest
import torch
from torch import nn

from core.backends._base import Batch, Extras
from core.backends.pytorch import BACKEND
from core.errors import BadData, BadSetting, NotFinite, WrongLabels, WrongShape
from core.inputs import Several
from core.masks import Mask
from core.plan import Recovery


class Two(nn.Module):
    """A picture and words; classes first, then a number."""

    def __init__(self):
        super().__init__()
        self.conv, self.embed = nn.Conv1d(2, 4, 3, padding=1), nn.Embedding(9, 4)
        self.classes, self.number = nn.Linear(8, 3), nn.Linear(8, 1)

    def forward(self, picture, words):
        x = torch.cat([torch.relu(self.conv(picture)).mean(2), self.embed(words).mean(1)], 1)
        return self.classes(x), self.number(x)


def exported(network, inputs, path, *, free=True):
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in inputs) if free else None
    torch.export.save(torch.export.export(network.eval(), inputs, dynamic_shapes=shapes), path)
    return BACKEND.load(path)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Two().eval()


@pytest.fixture(scope="module")
def model(network, tmp_path_factory):
    inputs = (torch.zeros(2, 2, 5), torch.zeros(2, 6, dtype=torch.int64))
    return exported(network, inputs, tmp_path_factory.mktemp("two") / "two.pt2")


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    return Several((rng.normal(size=(7, 2, 5)).astype(np.float32), rng.integers(0, 9, (7, 6))), ("picture", "words"))


Y = np.arange(7) % 3


def test_every_input_has_its_name_and_shape(model):
    assert model.input_names == ("picture", "words")
    assert model.input_shapes == ((2, 5), (6,))
    assert any("returns 2 tensors; the first" in note for note in model.notes)
    assert [node.name for node in model.graph().nodes if node.op.value == "input"] == ["picture", "words"]
    (output,) = (node for node in model.graph().nodes if node.op.value == "output")
    assert len(output.inputs) == 2


def test_predictions_are_the_networks_first_output(model, network, x):
    with torch.no_grad():
        expected = network(*map(torch.from_numpy, x.arrays))[0]
    np.testing.assert_allclose(model.predict(x, batch_size=3), expected, atol=1e-6)


def test_signals_take_several_inputs(model, x):
    batch = Batch(x, Y)
    (slopes,) = model.gradients([batch])
    (squares,) = model.squared_gradients([batch])
    rows = list(model.gradients([(x[row : row + 1], Y[row : row + 1]) for row in range(7)]))
    assert not slopes["number.kernel"].any() and slopes["embed.embedding"].any()
    expected = np.mean([np.square(row["conv.kernel"]) for row in rows], axis=0)
    np.testing.assert_allclose(squares["conv.kernel"], expected, rtol=1e-4)
    ((product,),) = model.hessian_products([batch], [{"classes.kernel": np.ones((3, 8))}])
    assert product["classes.kernel"].any()
    (taps,) = model.taps([batch], ["picture", "words"], gradients=True)
    assert taps["picture"].gradient.shape == (7, 2, 5) and not taps["words"].gradient.any()
    assert np.array_equal(taps["words"].value, x.arrays[1])
    assert model.synaptic_flow()["conv.kernel"].any()
    assert np.array_equal(model.recalibrated(x).predict(x), model.predict(x))


def test_training_cutting_and_saving_keep_all_inputs_and_outputs(model, x, tmp_path):
    trainer = model.trainer(Recovery(batch_size=3), {}, 0)
    losses = [trainer.epoch(x, Y, number, 1e-2).loss for number in range(3)]
    assert losses[2] < losses[0]
    kept = np.array([0, 2])
    smaller = model.cut({("conv.kernel", 0): kept, ("conv.bias", 0): kept,
                         ("classes.kernel", 1): np.array([0, 2, 4, 5, 6, 7]),
                         ("number.kernel", 1): np.array([0, 2, 4, 5, 6, 7])})  # fmt: skip
    path = smaller.save(tmp_path / "smaller.pt2")
    plain = torch.export.load(path).module()
    found = plain(*map(torch.from_numpy, x.arrays))
    assert [tuple(each.shape) for each in found] == [(7, 3), (7, 1)]
    np.testing.assert_allclose(found[0].detach(), smaller.predict(x), atol=1e-6)
    given = {"x": x.arrays}
    exec(model.snippet(path.name).replace(path.name, str(path)), given)
    np.testing.assert_allclose(given["y"], smaller.predict(x), atol=1e-6)
    assert BACKEND.load(path).input_names == ("picture", "words")


def test_inputs_that_do_not_fit_are_named(model, x):
    with pytest.raises(WrongShape, match="takes 2 arrays for each sample; got one"):
        model.predict(x.arrays[0])
    with pytest.raises(WrongShape, match=r'\(6,\) for its input "words"; got \(5,\)'):
        model.predict(Several((x.arrays[0], x.arrays[1][:, :5]), x.names))
    with pytest.raises(WrongShape, match="7 and 6 samples"):
        model.predict(Several((x.arrays[0], x.arrays[1][:6]), x.names))


def test_tokens_that_the_network_does_not_know_are_named(model, x):
    with pytest.raises(BadData, match='"words" has tokens from 0 to 9; the network knows 0 to 8'):
        model.predict(Several((x.arrays[0], np.arange(42).reshape(7, 6) % 10), x.names))
    with pytest.raises(BadData, match="fractions"):
        model.trainer(Recovery(), {}, 0).epoch(Several((x.arrays[0], x.arrays[1] + 0.5), x.names), Y, 0, 0.1)
    whole = Several((x.arrays[0], x.arrays[1].astype(np.float32)), x.names)
    assert np.array_equal(model.predict(whole), model.predict(x))


def test_a_batch_written_into_two_inputs_is_freed(tmp_path, x):
    class Fixed(Two):
        def forward(self, picture, words):
            mixed = torch.cat([self.conv(picture).reshape(2, 20), self.embed(words).reshape(2, 24)], 1)
            return self.classes(mixed[:, :8]), mixed.view(2, 4, 11).sum(1)

    torch.manual_seed(0)
    network = Fixed()
    inputs = (torch.zeros(2, 2, 5), torch.zeros(2, 6, dtype=torch.int64))
    model = exported(network, inputs, tmp_path / "fixed.pt2", free=False)
    assert model.facts.only_batch is None
    pair = x[2:4]
    with torch.no_grad():
        expected = network(*map(torch.from_numpy, pair.arrays))[0]
    np.testing.assert_allclose(model.predict(x)[2:4], expected, atol=1e-6)


@pytest.fixture(scope="module")
def curve(opened_once):
    torch.manual_seed(0)
    return opened_once(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)), (3,)).with_output("regression")


@pytest.fixture(scope="module")
def targets():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 3)).astype(np.float32)
    return x, rng.normal(size=(9, 2)).astype(np.float32) * np.float32([1, 5])


def test_a_regression_has_the_mean_squared_error_for_loss(curve, targets):
    x, y = targets
    outputs = curve.predict(x).astype(np.float64)
    errors = np.square(outputs - y)
    r2 = 1 - errors.sum() / np.square(y - y.mean(0)).sum()
    result = curve.trainer(Recovery(optimiser="sgd"), {}, 0).epoch(x, y, 0, 0.1)
    assert result.loss == pytest.approx(errors.mean(), rel=1e-5)
    assert result.accuracy == pytest.approx(r2, rel=1e-4)
    (slope,) = curve.gradients([Batch(x, y)], temperature=7.0)
    np.testing.assert_allclose(slope["2.bias"], (outputs - y).sum(0) / 9, rtol=1e-4)
    (squares,) = curve.squared_gradients([Batch(x, y)])
    hidden = np.tanh(x @ curve.arrays()["0.kernel"].T + curve.arrays()["0.bias"])
    expected = np.square(np.einsum("no,nh->noh", outputs - y, hidden)).mean(0)
    np.testing.assert_allclose(squares["2.kernel"], expected, rtol=1e-4)


def test_a_teacher_of_numbers_is_a_squared_distance_away(curve, targets):
    x, y = targets
    teacher = np.zeros_like(y)
    extras = Extras(teacher=teacher, teacher_weight=0.25)
    outputs = curve.predict(x).astype(np.float64)
    expected = 0.75 * np.square(outputs - y).mean() + 0.25 * np.square(outputs).mean()
    assert curve.trainer(Recovery(), {}, 0, extras).epoch(x, y, 0, 0.1).loss == pytest.approx(expected, rel=1e-5)


def test_numbers_of_any_shape_can_be_learned(opened, batch_of):
    model = opened(nn.Sequential(nn.Conv1d(2, 3, 3)), (2, 6))
    assert not model.trainable
    told = model.with_output("regression")
    assert told.trainable
    x, y = batch_of((2, 6), 5), batch_of((3, 4), 5, seed=2)
    trainer = told.trainer(Recovery(), {"0.kernel": Mask(np.arange(18).reshape(3, 2, 3) % 2 == 0)}, 0)
    losses = [trainer.epoch(x, y, number, 1e-2).loss for number in range(5)]
    assert losses[4] < losses[0]
    assert next(told.gradients([(x, y)]))["0.kernel"].any()


def test_one_number_a_sample_may_come_without_an_axis(opened, batch_of):
    model = opened(nn.Sequential(nn.Linear(3, 1)), (3,)).with_output("regression")
    x, y = batch_of((3,), 6), np.arange(6, dtype=np.float32)
    flat = model.trainer(Recovery(), {}, 0).epoch(x, y, 0, 0.1)
    standing = model.trainer(Recovery(), {}, 0).epoch(x, y[:, None], 0, 0.1)
    assert (flat.loss, flat.accuracy) == (standing.loss, standing.accuracy)
    constant = model.trainer(Recovery(), {}, 0).epoch(x, np.ones(6, np.float32), 0, 0.1)
    assert np.isfinite(constant.accuracy)


def test_targets_that_do_not_fit_are_named(curve, targets):
    x, y = targets
    trainer = curve.trainer(Recovery(), {}, 0)
    with pytest.raises(WrongLabels, match="2 values for each sample; the targets have 3"):
        trainer.epoch(x, np.zeros((9, 3), np.float32), 0, 0.1)
    with pytest.raises(NotFinite):
        trainer.epoch(x, np.full((9, 2), np.nan, np.float32), 0, 0.1)
    with pytest.raises(WrongLabels, match="no classes"):
        curve.trainer(Recovery(), {}, 0, Extras(class_weights=np.ones(2, np.float32))).epoch(x, y, 0, 0.1)
    with pytest.raises(BadSetting, match="teacher"):
        curve.trainer(Recovery(), {}, 0, Extras(teacher=np.zeros((9, 3), np.float32))).epoch(x, y, 0, 0.1)
