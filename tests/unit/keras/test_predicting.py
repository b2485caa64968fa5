"""Predictions under masks: the shared model is never changed, and masks mean zeros."""

import threading

import keras
import numpy as np
import pytest
from keras import layers as k

from core.errors import BadSetting, Superseded, WrongShape
from core.masks import Mask

X = np.random.default_rng(5).normal(size=(70, 8, 8, 1)).astype("float32")


def test_predictions_are_those_of_keras(opened, small_cnn):
    model = opened(small_cnn)
    np.testing.assert_allclose(model.predict(X, batch_size=32), small_cnn.predict(X, verbose=0), atol=1e-5)


def test_a_mask_leaves_the_model_as_it_was(opened, small_cnn, masks_of):
    model = opened(small_cnn)
    before = {name: array.copy() for name, array in model.arrays().items()}
    dense = model.predict(X)
    masked = model.predict(X, masks_of(model))
    assert np.abs(masked - dense).max() > 1e-3
    np.testing.assert_array_equal(model.predict(X), dense)
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_masks_as_arguments_equal_zeros_baked_in(opened, small_cnn, masks_of):
    model = opened(small_cnn)
    masks = masks_of(model, ["conv1.kernel", "conv1.bias", "norm1.scale", "fc1.kernel", "fc2.bias"])
    np.testing.assert_array_equal(model.predict(X, masks), model.masked(masks).predict(X))


def test_many_threads_get_their_own_masks(opened, small_cnn, masks_of):
    model = opened(small_cnn)
    masks = [masks_of(model, seed=seed) for seed in range(6)]
    expected = [model.masked(m).predict(X) for m in masks]
    found = [None] * 6

    def ask(i):
        for _ in range(5):
            found[i] = model.predict(X, masks[i])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_no_drag_traces_again(opened, small_cnn, masks_of):
    model = opened(small_cnn)
    model.predict(X)
    compiled = dict(model.network._compiled)
    model.predict(X[:7], masks_of(model, seed=2), batch_size=3)
    model.predict(X, masks_of(model, ["fc1.bias"], seed=3))
    assert model.network._compiled == compiled


def test_a_masked_scale_normalises_over_the_kept_channels(opened):
    entry = keras.Input((6,))
    h = k.Dense(8, name="fc1")(entry)
    model = opened(keras.Model(entry, k.Dense(3, name="fc2")(k.LayerNormalization(name="norm", epsilon=1e-5)(h))))
    keep = np.array([0, 3, 4])
    kept = np.zeros(8, bool)
    kept[keep] = True
    rows = {name: Mask(kept.copy()) for name in ("fc1.bias", "norm.scale", "norm.shift")}
    masks = {
        **rows,
        "fc1.kernel": Mask(np.repeat(kept[:, None], 6, 1)),
        "fc2.kernel": Mask(np.repeat(kept[None], 3, 0)),
    }
    a = model.arrays()
    x = X[:, 0, :6, 0]
    h = x @ a["fc1.kernel"][keep].T + a["fc1.bias"][keep]
    h = (h - h.mean(1, keepdims=True)) / np.sqrt(h.var(1, keepdims=True) + 1e-5) * a["norm.scale"][keep]
    expected = (h + a["norm.shift"][keep]) @ a["fc2.kernel"][:, keep].T + a["fc2.bias"]
    np.testing.assert_allclose(model.predict(x, masks), expected, atol=1e-5)


def test_no_samples_give_no_outputs(opened, small_cnn):
    assert opened(small_cnn).predict(X[:0]).shape == (0, 3)


def test_a_fixed_batch_is_filled_up(opened):
    model = opened(keras.Sequential([keras.Input(batch_shape=(4, 6)), k.Dense(2, name="fc")]))
    x = X[:, 0, :6, 0]
    a = model.arrays()
    np.testing.assert_allclose(model.predict(x), x @ a["fc.kernel"].T + a["fc.bias"], atol=1e-5)
    assert any("batch of exactly 4" in note for note in model.notes)


def test_a_newer_request_stops_an_older_one_after_a_batch(opened, small_cnn):
    seen = []

    def poll(done, total):
        seen.append((done, total))
        raise Superseded

    with pytest.raises(Superseded):
        opened(small_cnn).predict(X, batch_size=10, poll=poll)
    assert seen == [(1, 7)]


def test_samples_of_another_shape_are_named(opened, small_cnn):
    with pytest.raises(WrongShape, match=r"shape \(1, 8, 8\); the network takes \(8, 8, 1\)"):
        opened(small_cnn).predict(np.zeros((2, 1, 8, 8), np.float32))


def test_a_mask_of_another_shape_is_named(opened, small_cnn):
    with pytest.raises(BadSetting, match="fc1.kernel"):
        opened(small_cnn).predict(X, {"fc1.kernel": Mask(np.ones(3, bool))})


@pytest.mark.parametrize(
    ("units", "activation", "kind", "classes"),
    [
        (3, None, "logits", 3),
        (3, "softmax", "probabilities", 3),
        (3, "log_softmax", "log_probabilities", 3),
        (1, "sigmoid", "sigmoid", 2),
        (1, None, "sigmoid_logit", 2),
    ],
)
def test_outputs_are_recognised_and_their_gradients_agree_with_logits(opened, units, activation, kind, classes):
    model = opened(keras.Sequential([keras.Input((4,)), k.Dense(units, activation=activation, name="fc")]))
    assert (model.output, model.classes) == (kind, classes)
    x = X[:8, 0, :4, 0]
    y = np.arange(8) % classes
    (gradient,) = model.gradients(iter([(x, y)]))
    a = model.arrays()
    z = x @ a["fc.kernel"].T + a["fc.bias"]
    if units == 1:
        error = 1 / (1 + np.exp(-z)) - y[:, None]
    else:
        error = np.exp(z) / np.exp(z).sum(1, keepdims=True) - np.eye(3)[y]
    np.testing.assert_allclose(gradient["fc.kernel"], error.T @ x / 8, atol=1e-5)
    np.testing.assert_allclose(gradient["fc.bias"], error.mean(0), atol=1e-5)


def test_gradients_are_of_trained_arrays_in_evaluation_mode(opened, small_cnn):
    model = opened(small_cnn)
    y = np.zeros(8, np.int64)
    once, again = model.gradients(iter([(X[:8], y), (X[:8], y)]))
    assert set(once) == set(model.arrays()) - {"norm1.mean", "norm1.variance"}
    for name, gradient in once.items():
        assert gradient.shape == model.arrays()[name].shape
        np.testing.assert_array_equal(gradient, again[name])


def test_an_output_can_be_read_otherwise(opened, small_cnn):
    model = opened(small_cnn)
    other = model.with_output("probabilities")
    assert (model.output, other.output) == ("logits", "probabilities")
    with pytest.raises(BadSetting, match="one output unit; this one has 3"):
        model.with_output("sigmoid")
