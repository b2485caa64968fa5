"""Canonical arrays mean what core.graph says: a forward pass written with them in numpy equals Keras' own."""

import keras
import numpy as np
import pytest
from keras import layers as k


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def predicted(model, x):
    return np.asarray(model.predict(x, verbose=0))


def convolved(x, kernel, groups=1):
    """(samples, height, width, channels), valid, stride one; kernel (out, in / groups, *window)."""
    out, inside, kh, kw = kernel.shape
    n, h, w, _ = x.shape
    result = np.zeros((n, h - kh + 1, w - kw + 1, out))
    for o in range(out):
        first = o // (out // groups) * inside
        for c in range(inside):
            for a in range(kh):
                for b in range(kw):
                    result[..., o] += kernel[o, c, a, b] * x[:, a : a + h - kh + 1, b : b + w - kw + 1, first + c]
    return result


X = np.random.default_rng(3).normal(size=(2, 6, 6, 4)).astype("float32")
SERIES = np.random.default_rng(4).normal(size=(2, 5, 4)).astype("float32")


def test_dense(opened):
    model = opened(keras.Sequential([keras.Input((4,)), k.Dense(3, name="fc")]))
    a = model.arrays()
    assert a["fc.kernel"].shape == (3, 4)
    np.testing.assert_allclose(model.predict(SERIES[:, 0]), SERIES[:, 0] @ a["fc.kernel"].T + a["fc.bias"], atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
def test_conv(opened, groups):
    model = opened(keras.Sequential([keras.Input((6, 6, 4)), k.Conv2D(6, (3, 2), groups=groups, name="conv")]))
    a = model.arrays()
    assert a["conv.kernel"].shape == (6, 4 // groups, 3, 2)
    expected = convolved(X, a["conv.kernel"], groups) + a["conv.bias"]
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-5)


def test_depthwise_conv_is_a_conv_with_as_many_groups_as_channels(opened):
    model = opened(keras.Sequential([keras.Input((6, 6, 4)), k.DepthwiseConv2D(3, depth_multiplier=2, name="dw")]))
    a = model.arrays()
    assert a["dw.depthwise"].shape == (8, 1, 3, 3)
    assert model.graph().nodes[1].attrs["groups"] == 4
    np.testing.assert_allclose(model.predict(X), convolved(X, a["dw.depthwise"], 4) + a["dw.bias"], atol=1e-5)


def test_separable_conv_is_a_depthwise_and_a_pointwise_one(opened):
    model = opened(keras.Sequential([keras.Input((6, 6, 4)), k.SeparableConv2D(5, 3, depth_multiplier=2, name="sep")]))
    a = model.arrays()
    between = convolved(X, a["sep.depthwise"], 4)
    np.testing.assert_allclose(model.predict(X), convolved(between, a["sep.pointwise"]) + a["sep.bias"], atol=1e-4)


def test_transposed_conv_spreads_each_entry_over_its_window(opened):
    model = opened(keras.Sequential([keras.Input((6, 6, 4)), k.Conv2DTranspose(3, (2, 3), name="up")]))
    a = model.arrays()
    kernel = a["up.kernel"]
    assert kernel.shape == (3, 4, 2, 3)
    expected = np.zeros((2, 7, 8, 3)) + a["up.bias"]
    for i in range(6):
        for j in range(6):
            expected[:, i : i + 2, j : j + 3] += np.einsum("nc,ochw->nhwo", X[:, i, j], kernel)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-5)


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_gates_are_reset_update_new(opened, reset_after):
    model = opened(keras.Sequential([keras.Input((5, 4)), k.GRU(3, reset_after=reset_after, name="gru")]))
    a = model.arrays()
    kernel, recurrent = a["gru.kernel"], a["gru.recurrent"]
    assert kernel.shape == (9, 4) and recurrent.shape == (9, 3)
    bias = a["gru.bias"]
    hidden = np.zeros((2, 3))
    for t in range(5):
        given = SERIES[:, t] @ kernel.T + bias
        again = hidden @ recurrent.T + (a["gru.recurrent_bias"] if reset_after else 0)
        reset = sigmoid(given[:, :3] + again[:, :3])
        update = sigmoid(given[:, 3:6] + again[:, 3:6])
        inner = reset * again[:, 6:] if reset_after else (reset * hidden) @ recurrent[6:].T
        hidden = update * hidden + (1 - update) * np.tanh(given[:, 6:] + inner)
    np.testing.assert_allclose(model.predict(SERIES), hidden, atol=1e-5)


def test_lstm_gates_are_input_forget_cell_output(opened):
    model = opened(keras.Sequential([keras.Input((5, 4)), k.LSTM(3, name="lstm")]))
    a = model.arrays()
    hidden = cell = np.zeros((2, 3))
    for t in range(5):
        gates = SERIES[:, t] @ a["lstm.kernel"].T + hidden @ a["lstm.recurrent"].T + a["lstm.bias"]
        i, f, g, o = np.split(gates, 4, axis=1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
    np.testing.assert_allclose(model.predict(SERIES), hidden, atol=1e-5)


def test_attention_heads_follow_each_other_in_the_rows(opened):
    entry = keras.Input((5, 4))
    model = opened(keras.Model(entry, k.MultiHeadAttention(2, 3, name="att")(entry, entry)))
    a = model.arrays()
    assert a["att.query"].shape == (6, 4) and a["att.out"].shape == (4, 6)

    def heads(role):
        return (SERIES @ a[f"att.{role}"].T + a[f"att.{role}_bias"]).reshape(2, 5, 2, 3)

    scores = np.einsum("nqhd,nkhd->nhqk", heads("query"), heads("key")) / np.sqrt(3)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    mixed = np.einsum("nhqk,nkhd->nqhd", weights, heads("value")).reshape(2, 5, 6)
    np.testing.assert_allclose(model.predict(SERIES), mixed @ a["att.out"].T + a["att.out_bias"], atol=1e-5)


def test_kernels_are_read_only_views_of_the_variables(opened, small_cnn):
    model = opened(small_cnn)
    for name, array in model.arrays().items():
        assert not array.flags.owndata and not array.flags.writeable, name


@pytest.mark.parametrize(
    "layer",
    [
        k.Conv1D(3, 2, name="x"),
        k.Conv1DTranspose(3, 2, name="x"),
        k.DepthwiseConv1D(2, depth_multiplier=2, name="x"),
        k.SeparableConv1D(3, 2, name="x"),
        k.Dense(3, name="x"),
        k.GRU(3, name="x", return_sequences=True),
        k.LSTM(3, name="x", use_bias=False),
        k.LayerNormalization(name="x"),
        k.GroupNormalization(2, name="x"),
        k.Bidirectional(k.GRU(3), name="x"),
        k.TimeDistributed(k.Dense(3), name="x"),
        k.SimpleRNN(3, name="x"),
        k.EinsumDense("abc,cd->abd", (None, 3), name="x"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_masks_zero_is_what_training_and_saving_zero(opened, masks_of, layer):
    """Canonical order and back: the baked-in zeros lie where the mask said, and predictions agree."""
    model = opened(keras.Sequential([keras.Input((5, 4)), layer, k.Dense(2, name="end")]))
    masks = masks_of(model, list(model.arrays()))
    baked = model.masked({n: m for n, m in masks.items() if not n.endswith(".scale")})
    for name, array in baked.arrays().items():
        if not name.endswith(".scale"):
            np.testing.assert_array_equal(array, np.where(masks[name].kept, model.arrays()[name], 0))


@pytest.mark.parametrize(("equation", "output"), [("abc,cd->abd", (None, 3)), ("abc,cde->abde", (None, 2, 3))])
def test_rows_of_an_einsum_are_what_it_makes(opened, equation, output):
    layer = k.EinsumDense(equation, output, name="x")
    model = opened(keras.Sequential([keras.Input((5, 4)), layer]))
    np.testing.assert_array_equal(model.arrays()["x.kernel"], np.asarray(layer.kernel).reshape(4, -1).T)
