"""What training does beside fitting labels, each against a formula in numpy; batch normalisation measured anew."""

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends._base import Extras
from core.errors import BadModel, BadSetting, EmptyData, UnknownName, WrongLabels
from core.masks import Mask
from core.penalties import PENALTIES
from core.plan import Recovery

RNG = np.random.default_rng(21)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = np.arange(12) % 3
PLAIN = Recovery(optimiser="sgd", batch_size=12)


@pytest.fixture(scope="module")
def dense(opened):
    """4-5-3."""
    return opened(keras.Sequential([keras.Input((4,)), k.Dense(5, "tanh", name="fc1"), k.Dense(3, name="fc2")]))


@pytest.fixture(scope="module")
def mixed(opened):
    """Every way a kernel can lie in memory."""
    entry = keras.Input((4, 4, 2))
    x = k.BatchNormalization(name="norm")(k.Conv2D(3, 2, padding="same", name="conv")(entry))
    x = k.SeparableConv2D(4, 2, depth_multiplier=2, padding="same", name="separable")(x)
    x = k.Reshape((4, 8), name="rows")(k.Conv2DTranspose(2, 2, strides=2, name="up")(k.MaxPooling2D(2)(x)))
    x = k.GRU(3, name="gru")(k.MultiHeadAttention(2, 2, name="attention")(x, x))
    return opened(keras.Model(entry, k.Dense(3, name="fc")(x)))


def masked(model, name, share=0.5, seed=1):
    return {name: Mask(np.random.default_rng(seed).random(model.arrays()[name].shape) > share)}


def stepped(model, x, y, extras=Extras(), masks=None, rate=0.1):  # noqa: B008
    trainer = model.trainer(PLAIN, masks or {}, 0, extras)
    result = trainer.epoch(x, y, 0, rate)
    return trainer, result


@pytest.fixture(scope="module")
def unpenalised(mixed):
    """Samples, masks, and one step without any penalty."""
    x, masks = RNG.normal(size=(12, 4, 4, 2)).astype("float32"), masked(mixed, "conv.kernel")
    return x, masks, *stepped(mixed, x, Y, Extras(), masks)


@pytest.mark.parametrize("name", ["l1", "l2", "group_lasso", "bn_scale"])
def test_a_penalty_adds_its_sub_gradient_to_that_of_the_loss(mixed, unpenalised, name):
    x, masks, without, plain = unpenalised
    with_it, result = stepped(mixed, x, Y, Extras(penalty=name, strength=0.05), masks)
    assert result.loss == pytest.approx(plain.loss, rel=1e-6)
    penalty, before = PENALTIES[name], mixed.masked(masks).arrays()
    pulled = penalty.arrays(mixed.graph())
    assert pulled
    for array in before:
        moved = without.model().arrays()[array] - with_it.model().arrays()[array]
        expected = 0.1 * 0.05 * penalty.gradient(before[array]) if array in pulled else np.zeros(moved.shape)
        np.testing.assert_allclose(moved, expected, atol=1e-6, err_msg=array)
    assert not with_it.model().arrays()["conv.kernel"][~masks["conv.kernel"].kept].any()


def log_softmax(z):
    z = z - z.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def test_a_student_is_drawn_to_its_softened_teacher(dense):
    teacher = RNG.normal(size=(12, 3)).astype("float32")
    weights = np.array([0.5, 1.0, 1.5], np.float32)
    extras = Extras(teacher=teacher, temperature=3.0, teacher_weight=0.25, class_weights=weights)
    z = dense.predict(X).astype(np.float64)
    own = -(log_softmax(z)[np.arange(12), Y] * weights[Y]).mean()
    target, soft = log_softmax(teacher / 3.0), log_softmax(z / 3.0)
    expected = 0.75 * own + 0.25 * 9 * (np.exp(target) * (target - soft)).sum(1).mean()
    trainer, result = stepped(dense, X, Y, extras)
    assert result.loss == pytest.approx(expected, rel=1e-5)
    h = np.tanh(X @ dense.arrays()["fc1.kernel"].T + dense.arrays()["fc1.bias"])
    error = 0.75 * (np.exp(log_softmax(z)) - np.eye(3)[Y]) * weights[Y][:, None]
    error += 0.25 * 3 * (np.exp(soft) - np.exp(target))
    moved = dense.arrays()["fc2.kernel"] - trainer.model().arrays()["fc2.kernel"]
    np.testing.assert_allclose(moved, 0.1 * error.T @ h / 12, atol=1e-6)


def test_probabilities_learn_from_probabilities_as_logits_from_logits(opened, dense):
    teacher = RNG.normal(size=(12, 3)).astype("float32")
    soft = opened(keras.Sequential([keras.Input((4,)), k.Dense(5, "tanh", name="fc1"),
                                    k.Dense(3, "softmax", name="fc2")])).with_arrays(dense.arrays())  # fmt: skip
    _, a = stepped(dense, X, Y, Extras(teacher=teacher))
    _, b = stepped(soft, X, Y, Extras(teacher=np.exp(log_softmax(teacher)).astype("float32")))
    assert a.loss == pytest.approx(b.loss, rel=1e-5)


def test_masked_entries_go_on_learning_behind_their_masks(dense):
    masks = masked(dense, "fc1.kernel")
    (gradient,) = dense.gradients([(X, Y)], masks)
    trainer, _ = stepped(dense, X, Y, Extras(dense_updates=True), masks)
    behind = trainer.dense_arrays()["fc1.kernel"]
    np.testing.assert_allclose(behind, dense.arrays()["fc1.kernel"] - 0.1 * gradient["fc1.kernel"], atol=1e-6)
    np.testing.assert_array_equal(trainer.model().arrays()["fc1.kernel"], behind * masks["fc1.kernel"].kept)
    others = masked(dense, "fc1.kernel", seed=5)
    trainer.set_masks(others)
    np.testing.assert_array_equal(trainer.model().arrays()["fc1.kernel"], behind * others["fc1.kernel"].kept)
    trainer.epoch(X, Y, 1, 0.1)
    assert (trainer.dense_arrays()["fc1.kernel"] != behind).all()


def test_movement_is_the_sum_of_minus_gradient_times_weight(dense):
    trainer, _ = stepped(dense, X, Y, Extras(movement=True))
    (first,) = dense.gradients([(X, Y)])
    (second,) = trainer.model().gradients([(X, Y)])
    expected = {name: -first[name] * dense.arrays()[name] for name in ("fc1.kernel", "fc2.kernel")}
    assert trainer.movement().keys() == expected.keys()
    now = trainer.model().arrays()
    trainer.epoch(X, Y, 1, 0.1)
    for name, moved in trainer.movement().items():
        np.testing.assert_allclose(moved, expected[name] - second[name] * now[name], atol=1e-6)


def test_masks_may_change_between_batches_without_tracing_again(dense):
    masks = {done: masked(dense, "fc1.kernel", seed=done) for done in (1, 2, 3)}
    trainer = dense.trainer(Recovery(batch_size=4), masked(dense, "fc1.kernel", seed=9), 0)
    seen, steps = [], []

    def between(done):
        trainer.set_masks(masks[done])
        kept = masks[done]["fc1.kernel"].kept
        assert not trainer.model().arrays()["fc1.kernel"][~kept].any()
        seen.append(done)
        steps.append(dict(trainer._steps))

    trainer.epoch(X, Y, 0, 0.01, between=between)
    assert seen == [1, 2, 3] and steps[0] == steps[-1]
    assert trainer.model().arrays()["fc1.kernel"][masks[3]["fc1.kernel"].kept].any()


@pytest.mark.parametrize("extras", [Extras(movement=True, dense_updates=True), Extras(penalty="l1", strength=0.01)])
def test_training_continued_is_training_unbroken_with_its_masks_and_sums(dense, tmp_path, extras):
    recovery, masks = Recovery(batch_size=5), masked(dense, "fc1.kernel")

    def again(trainer, numbers):
        for number in numbers:
            trainer.epoch(X, Y, number, 0.01, between=lambda done: trainer.set_masks(masks if done < 3 else {}))
        return trainer

    unbroken = again(dense.trainer(recovery, {}, 3, extras), range(2))
    unbroken.set_masks(masks)
    unbroken.save(tmp_path / "two.safetensors")
    again(unbroken, [2])
    continued = dense.trainer(recovery, {}, 3, extras)
    continued.load(tmp_path / "two.safetensors")
    assert not continued.model().arrays()["fc1.kernel"][~masks["fc1.kernel"].kept].any()
    again(continued, [2])
    for name, array in unbroken.dense_arrays().items():
        np.testing.assert_array_equal(array, continued.dense_arrays()[name])
    if extras.movement:
        for name, array in unbroken.movement().items():
            np.testing.assert_array_equal(array, continued.movement()[name])


def test_rewound_training_is_training_from_those_values(dense):
    masks = masked(dense, "fc1.kernel")
    trainer = dense.trainer(Recovery(batch_size=6), masks, 0)
    trainer.epoch(X, Y, 0, 0.05)
    trainer.set_arrays(dense.arrays())
    trainer.epoch(X, Y, 1, 0.05)
    anew = dense.trainer(Recovery(batch_size=6), masks, 0)
    anew.epoch(X, Y, 1, 0.05)
    for name, array in anew.model().arrays().items():
        np.testing.assert_array_equal(trainer.model().arrays()[name], array)


def test_statistics_measured_anew_leave_the_optimiser_its_memory(mixed):
    x = RNG.normal(size=(12, 4, 4, 2)).astype("float32")
    plain, measured = (mixed.trainer(Recovery(batch_size=6), {}, 0) for _ in range(2))
    for each in (plain, measured):
        each.epoch(x, Y, 0, 0.05)
    measured.set_arrays({name: measured.dense_arrays()[name] for name in ("norm.mean", "norm.variance")})
    for each in (plain, measured):
        each.epoch(x, Y, 1, 0.05)
    for name, array in plain.dense_arrays().items():
        np.testing.assert_array_equal(measured.dense_arrays()[name], array)


def test_statistics_are_measured_anew_layer_after_layer(opened):
    layers = [keras.Input((4,)), k.Dense(5, name="fc1"), k.BatchNormalization(name="norm1", epsilon=1e-3),
              k.Dropout(0.5), k.Dense(3, name="fc2"), k.BatchNormalization(name="norm2")]  # fmt: skip
    model = opened(keras.Sequential(layers))
    masks = masked(model, "fc1.kernel")
    a = {**model.arrays(), "fc1.kernel": model.arrays()["fc1.kernel"] * masks["fc1.kernel"].kept}
    found = model.recalibrated(X, masks, batch_size=5).arrays()
    expected = dict.fromkeys(("norm1.mean", "norm1.variance", "norm2.mean", "norm2.variance"), 0.0)
    for batch in (X[:5], X[5:10], X[10:]):
        h = batch.astype(np.float64) @ a["fc1.kernel"].T + a["fc1.bias"]
        expected["norm1.mean"] += len(batch) / 12 * h.mean(0)
        expected["norm1.variance"] += len(batch) / 12 * h.var(0)
        h = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-3) * a["norm1.scale"] + a["norm1.shift"]
        z = h @ a["fc2.kernel"].T + a["fc2.bias"]
        expected["norm2.mean"] += len(batch) / 12 * z.mean(0)
        expected["norm2.variance"] += len(batch) / 12 * z.var(0)
    for name, array in found.items():
        np.testing.assert_allclose(array, expected.get(name, a[name]), rtol=1e-4, atol=1e-5, err_msg=name)


def test_without_batch_normalisation_the_recalibrated_copy_is_equal(dense):
    found = dense.recalibrated(X).arrays()
    for name, array in dense.arrays().items():
        np.testing.assert_array_equal(found[name], array)


def test_extras_that_do_not_fit_are_named(dense, tmp_path):
    with pytest.raises(UnknownName, match="penalty"):
        dense.trainer(PLAIN, {}, 0, Extras(penalty="l7"))
    with pytest.raises(BadSetting, match="at least 0"):
        dense.trainer(PLAIN, {}, 0, Extras(penalty="l1", strength=-1))
    with pytest.raises(BadSetting, match="12 samples of shape"):
        stepped(dense, X, Y, Extras(teacher=np.zeros((5, 3), np.float32)))
    with pytest.raises(BadSetting, match="cannot teach"):
        stepped(dense, X, Y, Extras(teacher=np.full((12, 3), np.nan, np.float32)))
    with pytest.raises(BadSetting, match="temperature above 0"):
        stepped(dense, X, Y, Extras(teacher=np.zeros((12, 3), np.float32), temperature=0))
    with pytest.raises(BadSetting, match="3 numbers of at least 0"):
        dense.trainer(PLAIN, {}, 0, Extras(class_weights=np.ones(2, np.float32)))
    with pytest.raises(BadSetting, match="summed up only where"):
        dense.trainer(PLAIN, {}, 0).movement()
    with pytest.raises(BadSetting, match="no array of that name"):
        dense.trainer(PLAIN, {}, 0).set_arrays({"fc9.kernel": np.ones(2, np.float32)})
    with pytest.raises(WrongLabels, match="0 to 2 apart"):
        stepped(dense, X, Y + 1)
    with pytest.raises(EmptyData):
        dense.recalibrated(X[:0])
    dense.trainer(PLAIN, {}, 0).save(tmp_path / "plain.safetensors")
    with pytest.raises(BadModel, match="another network or optimiser"):
        dense.trainer(PLAIN, {}, 0, Extras(movement=True)).load(tmp_path / "plain.safetensors")
