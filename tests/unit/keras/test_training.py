"""Fine-tuning under masks: zeros stay zero, and training continued is training unbroken."""

import keras
import numpy as np
import pytest
import safetensors
import safetensors.numpy
from keras import layers as k

from core.errors import BadModel, Cancelled, EmptyData, Unavailable
from core.masks import Mask
from core.plan import Recovery

RNG = np.random.default_rng(7)
X = RNG.normal(size=(150, 8, 8, 1)).astype("float32")
Y = (X[:, :4].mean((1, 2, 3)) > 0).astype("int64") + (X[:, 4:].mean((1, 2, 3)) > 0)


def same(a, b):
    return all(np.array_equal(a.arrays()[name], b.arrays()[name]) for name in a.arrays())


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_zeros_stay_zero_and_the_rest_learns(opened, small_cnn, masks_of, optimiser):
    model = opened(small_cnn)
    masks = masks_of(model, ["conv1.kernel", "conv1.bias", "norm1.scale", "norm1.variance", "fc1.kernel", "fc2.kernel"])
    trainer = model.trainer(Recovery(optimiser=optimiser), masks, 0)
    losses = [trainer.epoch(X, Y, number, 0.01).loss for number in range(3)]
    after = trainer.model()
    assert losses[-1] < losses[0]
    for name, mask in masks.items():
        assert not after.arrays()[name][~mask.kept].any()
        if name != "conv1.bias":  # a bias before a batch normalisation has no gradient
            assert (after.arrays()[name][mask.kept] != model.arrays()[name][mask.kept]).any()
    assert (after.arrays()["norm1.mean"] != model.arrays()["norm1.mean"]).any()


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_training_continued_gives_the_weights_of_an_unbroken_run(opened, small_cnn, masks_of, tmp_path, optimiser):
    model = opened(small_cnn)
    masks = masks_of(model)
    recovery = Recovery(optimiser=optimiser, batch_size=32)
    unbroken = model.trainer(recovery, masks, 3)
    for number in range(2):
        unbroken.epoch(X, Y, number, 0.01)
    unbroken.save(tmp_path / "two.safetensors")
    unbroken.epoch(X, Y, 2, 0.005)
    continued = model.trainer(recovery, masks, 3)
    continued.load(tmp_path / "two.safetensors")
    continued.epoch(X, Y, 2, 0.005)
    assert same(unbroken.model(), continued.model())
    assert [p.name for p in tmp_path.iterdir()] == ["two.safetensors"]


def test_the_seed_decides_order_and_dropout(opened, small_cnn):
    model = opened(small_cnn)
    results = []
    for seed in (1, 1, 2):
        trainer = model.trainer(Recovery(), {}, seed)
        trainer.epoch(X, Y, 0, 0.01)
        results.append(trainer.model())
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_new_masks_zero_at_once_and_do_not_trace_again(opened, small_cnn, masks_of):
    model = opened(small_cnn)
    trainer = model.trainer(Recovery(), masks_of(model, share=0.3), 0)
    trainer.epoch(X, Y, 0, 0.01)
    steps = dict(trainer._steps)
    masks = masks_of(model, share=0.8, seed=9)
    trainer.set_masks(masks)
    for name, mask in masks.items():
        assert not trainer.model().arrays()[name][~mask.kept].any()
    trainer.epoch(X, Y, 1, 0.01)
    assert trainer._steps == steps
    for name, mask in masks.items():
        assert not trainer.model().arrays()[name][~mask.kept].any()


def test_training_leaves_the_model_it_came_from_alone(opened, small_cnn, masks_of):
    model = opened(small_cnn)
    before = {name: array.copy() for name, array in model.arrays().items()}
    expected = model.predict(X)
    trainer = model.trainer(Recovery(), masks_of(model), 0)
    trainer.epoch(X, Y, 0, 0.01)
    view = trainer.model()
    seen = view.predict(X)
    trainer.epoch(X, Y, 1, 0.01)
    np.testing.assert_array_equal(view.predict(X), seen)
    np.testing.assert_array_equal(model.predict(X), expected)
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_one_step_of_plain_descent_is_the_gradient(opened):
    model = opened(keras.Sequential([keras.Input((4,)), k.Dense(3, name="fc")]))
    x, y = X[:8, 0, :4, 0], np.arange(8) % 3
    (gradient,) = model.gradients(iter([(x, y)]))
    trainer = model.trainer(Recovery(optimiser="sgd", batch_size=8), {}, 0)
    trainer.epoch(x, y, 0, 0.5)
    moved = trainer.model().arrays()["fc.kernel"]
    np.testing.assert_allclose(moved, model.arrays()["fc.kernel"] - 0.5 * gradient["fc.kernel"], atol=1e-6)


def test_a_frozen_layer_stays(opened, small_cnn):
    small_cnn.get_layer("conv1").trainable = False
    model = opened(small_cnn)
    trainer = model.trainer(Recovery(), {"conv1.kernel": Mask(np.zeros((4, 1, 3, 3), bool))}, 0)
    trainer.epoch(X, Y, 0, 0.01)
    assert not trainer.model().arrays()["conv1.kernel"].any()
    np.testing.assert_array_equal(trainer.model().arrays()["conv1.bias"], model.arrays()["conv1.bias"])


@pytest.mark.parametrize(("units", "activation"), [(3, "softmax"), (3, "log_softmax"), (1, "sigmoid"), (1, None)])
def test_every_kind_of_output_learns(opened, units, activation):
    model = opened(keras.Sequential([keras.Input((64,)), k.Dense(units, activation=activation, name="fc")]))
    trainer = model.trainer(Recovery(), {}, 0)
    y = np.minimum(Y, model.classes - 1)
    results = [trainer.epoch(X.reshape(150, 64), y, number, 0.05) for number in range(4)]
    assert results[-1].loss < results[0].loss
    assert 0 <= results[-1].accuracy <= 1 and results[-1].samples == 150


def test_a_recurrent_network_trains(opened, masks_of):
    model = opened(
        keras.Sequential(
            [keras.Input((8, 8)), k.Bidirectional(k.GRU(4, dropout=0.2), name="gru"), k.Dense(3, name="fc")]
        )
    )
    masks = masks_of(model)
    trainer = model.trainer(Recovery(), masks, 0)
    trainer.epoch(X[..., 0], Y, 0, 0.01)
    for name, mask in masks.items():
        assert not trainer.model().arrays()[name][~mask.kept].any()


def test_a_cancelled_epoch_ends_after_a_batch(opened, small_cnn):
    def poll(done, total):
        assert (done, total) == (1, 3)
        raise Cancelled

    with pytest.raises(Cancelled):
        opened(small_cnn).trainer(Recovery(), {}, 0).epoch(X, Y, 0, 0.01, poll)


def test_no_samples_are_named(opened, small_cnn):
    with pytest.raises(EmptyData):
        opened(small_cnn).trainer(Recovery(), {}, 0).epoch(X[:0], Y[:0], 0, 0.01)


def test_a_checkpoint_of_something_else_changes_nothing(opened, small_cnn, tmp_path):
    model = opened(small_cnn)
    model.trainer(Recovery(optimiser="sgd"), {}, 0).save(tmp_path / "a.safetensors")
    trainer = model.trainer(Recovery(), {}, 0)
    with pytest.raises(BadModel, match="another network or optimiser"):
        trainer.load(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"no")
    with pytest.raises(BadModel, match="cannot be read"):
        trainer.load(tmp_path / "b.safetensors")
    assert same(model, trainer.model())


def test_training_normalises_over_the_kept_channels_like_the_cut_network(opened):
    entry = keras.Input((6,))
    h = k.LayerNormalization(name="norm", epsilon=1e-5)(k.Dense(8, name="fc1")(entry))
    model = opened(keras.Model(entry, k.Dense(3, name="fc2")(h)))
    keep = np.array([1, 2, 6])
    cuts = {(f"{name}", 0): keep for name in ("fc1.kernel", "fc1.bias", "norm.scale", "norm.shift")}
    cuts[("fc2.kernel", 1)] = keep
    masks = {}
    for (name, axis), kept in cuts.items():
        mask = np.zeros(model.arrays()[name].shape, bool)
        mask[(slice(None),) * axis + (kept,)] = True
        masks[name] = Mask(mask)
    x = X[:, 0, :6, 0]
    assert np.array_equal(model.masked(masks).predict(x), model.predict(x, masks))
    whole, small = model.trainer(Recovery(), masks, 0), model.cut(cuts).trainer(Recovery(), {}, 0)
    for number in range(2):
        assert whole.epoch(x, Y, number, 0.01).loss == pytest.approx(small.epoch(x, Y, number, 0.01).loss, rel=1e-4)
    expected = small.model().predict(x)
    np.testing.assert_allclose(whole.model().predict(x), expected, atol=1e-4)
    np.testing.assert_allclose(whole.model().cut(cuts).predict(x), expected, atol=1e-4)


def test_regularisers_of_the_network_count_in_its_loss(opened):
    layers = [keras.Input((4,)), k.Dense(3, kernel_regularizer=keras.regularizers.L2(0.25), name="fc")]
    model = opened(keras.Sequential(layers))
    x, y = X[:8, 0, :4, 0], np.arange(8) % 3
    (gradient,) = model.gradients(iter([(x, y)]))
    trainer = model.trainer(Recovery(optimiser="sgd", batch_size=8), {}, 0)
    trainer.epoch(x, y, 0, 0.1)
    kernel = model.arrays()["fc.kernel"]
    expected = kernel - 0.1 * (gradient["fc.kernel"] + 0.5 * kernel)
    np.testing.assert_allclose(trainer.model().arrays()["fc.kernel"], expected, atol=1e-6)


def test_a_full_disk_is_told_in_a_sentence(opened, small_cnn, tmp_path, monkeypatch):
    def full(*_):
        raise safetensors.SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.numpy, "save_file", full)
    with pytest.raises(Unavailable, match="No space left on device"):
        opened(small_cnn).trainer(Recovery(), {}, 0).save(tmp_path / "checkpoint.safetensors")
    assert not list(tmp_path.iterdir())
