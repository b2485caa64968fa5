"""What flows through places of a network, and synaptic flow, against numbers worked out by hand in numpy."""

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends._base import Batch
from core.backends.keras.tapping import places
from core.errors import UnknownName
from core.masks import Mask

RNG = np.random.default_rng(12)
WEIGHT = np.array([0.5, 2.0, 1.0], np.float32)
Y = np.array([0, 2, 1])


def softmax(z):
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


def sequences(*shape):
    return RNG.normal(size=(3, *shape)).astype("float32")


def test_values_and_gradients_before_and_after_an_activation(opened):
    model = opened(keras.Sequential([keras.Input((4,)), k.Dense(5, "relu", name="fc1"), k.Dense(3, name="fc2")]))
    x, a = sequences(4), model.arrays()
    (found,) = model.taps([Batch(x, Y, WEIGHT)], ["fc1", "fc1/relu", "fc2", "output"], gradients=True)
    z = x @ a["fc1.kernel"].T + a["fc1.bias"]
    h = np.maximum(z, 0)
    out = h @ a["fc2.kernel"].T + a["fc2.bias"]
    error = (softmax(out) - np.eye(3)[Y]) * WEIGHT[:, None]
    back = error @ a["fc2.kernel"]
    expected = {"fc1": (z, back * (z > 0)), "fc1/relu": (h, back), "fc2": (out, error), "output": (out, error)}
    for name, (value, gradient) in expected.items():
        np.testing.assert_allclose(found[name].value, value, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(found[name].gradient, gradient, atol=1e-5, err_msg=name)


def gru(a, x, push):
    """Keras' GRU with ``reset_after``, gates r, z, n, in double precision; ``push`` is added to each state."""
    a = {name: np.asarray(array, np.float64) for name, array in a.items()}
    h, states = np.zeros((len(x), 2)), []
    for t in range(x.shape[1]):
        r, z, n = np.split(x[:, t] @ a["gru.kernel"].T + a["gru.bias"], 3, 1)
        own_r, own_z, own_n = np.split(h @ a["gru.recurrent"].T + a["gru.recurrent_bias"], 3, 1)
        r, z = (1 / (1 + np.exp(-v)) for v in (r + own_r, z + own_z))
        h = z * h + (1 - z) * np.tanh(n + r * own_n) + push[:, t]
        states.append(h)
    return np.stack(states, 1), h @ a["fc.kernel"].T + a["fc.bias"]


def test_hidden_states_and_what_moving_one_does_to_the_loss(opened):
    model = opened(keras.Sequential([keras.Input((4, 3)), k.GRU(2, name="gru"), k.Dense(3, name="fc")]))
    x = sequences(4, 3)
    (found,) = model.taps([Batch(x, Y, WEIGHT)], ["gru:hidden", "gru"], gradients=True)

    def loss(push):
        return -(np.log(softmax(gru(model.arrays(), x, push)[1]))[np.arange(3), Y] * WEIGHT).sum()

    none, step = np.zeros((3, 4, 2)), 1e-5
    expected = np.zeros((3, 4, 2))
    for place in np.ndindex(expected.shape):
        push = none.copy()
        push[place] = step
        expected[place] = (loss(push) - loss(-push)) / (2 * step)
    np.testing.assert_allclose(found["gru:hidden"].value, gru(model.arrays(), x, none)[0], atol=1e-5)
    np.testing.assert_allclose(found["gru:hidden"].gradient, expected, atol=1e-5)
    np.testing.assert_allclose(found["gru"].gradient, expected[:, -1], atol=1e-5)


def test_what_an_attention_projects_is_seen(opened):
    entry = keras.Input((4, 6))
    x = k.MultiHeadAttention(2, 3, name="attention")(entry, entry)
    model = opened(keras.Model(entry, k.Dense(3, name="fc")(k.Flatten(name="flat")(x))))
    x, a = sequences(4, 6), model.arrays()
    (found,) = model.taps([(x, Y)], ["attention:context", "attention"], gradients=True)
    context, out = found["attention:context"], found["attention"]
    assert context.value.shape == (3, 4, 6)
    np.testing.assert_allclose(context.value @ a["attention.out"].T + a["attention.out_bias"], out.value, atol=1e-5)
    np.testing.assert_allclose(out.gradient @ a["attention.out"], context.gradient, atol=1e-5)
    (gradient,) = model.gradients([(x, Y)])
    joined = np.einsum("nto,ntc->oc", out.gradient, context.value) / 3
    np.testing.assert_allclose(gradient["attention.out"], joined, atol=1e-5)


def _zoo():
    """Padding, both directions, wrapped layers, a shared layer, a nested model, states that are used."""
    entry = keras.Input((5,), dtype="int32", name="tokens")
    x = k.Embedding(9, 4, mask_zero=True, name="embed")(entry)
    x = k.Bidirectional(k.GRU(3, return_sequences=True), name="both")(x)
    x = k.Bidirectional(k.LSTM(2, return_sequences=True), merge_mode="sum", name="sum")(x)
    x, state, _ = k.LSTM(4, return_sequences=True, return_state=True, go_backwards=True, name="lstm")(x)
    x = k.TimeDistributed(k.Dense(4, activation="relu"), name="each")(x)
    shared = k.Dense(4, activation="tanh", name="shared")
    x = shared(shared(x))
    inner = keras.Input((4,))
    nested = keras.Model(inner, k.Dense(4, activation="relu", name="inside")(inner), name="nested")
    x = k.Add(name="add")([k.GlobalAveragePooling1D(name="mean")(x), nested(state)])
    return keras.Model(entry, k.Dense(3, activation="softmax", name="fc")(x))


def test_every_place_can_be_tapped_without_changing_what_comes_out(opened):
    model = opened(_zoo())
    x = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8], [1, 1, 0, 0, 0]])
    names = places(model.graph())
    assert {"both/forward:hidden", "lstm:hidden", "lstm/1", "shared@2/tanh", "nested.inside/relu"} <= set(names)
    (found,) = model.taps([(x, Y)], names, gradients=True)
    shapes = {node.name: node.shape for node in model.graph().nodes}
    for name, tap in found.items():
        assert tap.gradient.shape == tap.value.shape
        assert tap.value.shape == (3, *shapes.get(name, tap.value.shape[1:])), name
    np.testing.assert_allclose(found["output"].value, model.predict(x), atol=1e-6)
    np.testing.assert_allclose(found["lstm:hidden"].value, found["lstm"].value, atol=1e-6)
    assert not found["tokens"].gradient.any()
    halves = np.concatenate([found[f"both/{half}"].value for half in ("forward", "backward")], -1)
    np.testing.assert_allclose(halves, found["both"].value, atol=1e-6)
    np.testing.assert_allclose(found["both/backward:hidden"].value[:, ::-1], found["both/backward"].value, atol=1e-6)
    plain = next(model.taps([(x, Y)], names))
    for name, tap in plain.items():
        assert tap.gradient is None
        np.testing.assert_allclose(tap.value, found[name].value, atol=1e-6, err_msg=name)


def test_masks_lie_over_what_flows_and_normalisations_keep_to_their_channels(opened):
    layers = [keras.Input((4,)), k.Dense(6, name="fc1"), k.LayerNormalization(name="norm"), k.Dense(3, name="fc2")]
    model = opened(keras.Sequential(layers))
    kept = np.array([1, 1, 0, 1, 0, 1], bool)
    masks = {"fc1.kernel": Mask(np.repeat(kept[:, None], 4, 1)), "fc1.bias": Mask(kept), "norm.scale": Mask(kept)}
    x = sequences(4)
    (found,) = model.taps([(x, Y)], ["fc1", "norm", "output"], masks, gradients=True)
    np.testing.assert_allclose(found["output"].value, model.predict(x, masks), atol=1e-6)
    assert not found["fc1"].value[:, ~kept].any() and found["fc1"].value[:, kept].all()


def test_an_unknown_place_is_named_with_those_there_are(opened):
    model = opened(keras.Sequential([keras.Input((4,)), k.Dense(3, name="fc")]))
    with pytest.raises(UnknownName, match="fc, output"):
        list(model.taps([(sequences(4), Y)], ["fc:hidden"]))


def test_synaptic_flow_is_what_each_weight_carries_of_a_sample_of_ones(opened):
    layers = [keras.Input((4,)), k.Dense(5, "relu", name="fc1"), k.Dropout(0.5), k.Dense(3, "softmax", name="fc2")]
    model = opened(keras.Sequential(layers))
    masks = {"fc1.kernel": Mask(RNG.random((5, 4)) > 0.4)}
    a = {name: np.abs(np.asarray(array, np.float64)) for name, array in model.arrays().items()}
    first = a["fc1.kernel"] * masks["fc1.kernel"].kept
    hidden = first @ np.ones(4) + a["fc1.bias"]
    found = model.synaptic_flow(masks)
    np.testing.assert_allclose(found["fc2.kernel"], a["fc2.kernel"] * hidden, rtol=1e-12)
    np.testing.assert_allclose(found["fc1.kernel"], first * a["fc2.kernel"].sum(0)[:, None], rtol=1e-12)


def test_synaptic_flow_takes_embeddings_as_ones_and_works_in_double_precision(opened):
    entry = keras.Input((3,), dtype="int32")
    x = k.Embedding(7, 4, name="embed")(entry)
    for number in range(30):
        x = k.Dense(4, name=f"fc{number}")(x)
    model = opened(keras.Model(entry, k.Dense(1, "sigmoid", name="last")(k.GlobalAveragePooling1D(name="mean")(x))))
    large = {w.name: model.arrays()[w.name] * 30 for w in model.graph().weights()}
    found = model.with_arrays(large).synaptic_flow()
    a = {name: np.abs(np.asarray(array, np.float64)) for name, array in {**model.arrays(), **large}.items()}
    x = np.ones(4)
    for number in range(30):
        x = a[f"fc{number}.kernel"] @ x + a[f"fc{number}.bias"]
    np.testing.assert_allclose(found["last.kernel"], a["last.kernel"] * x, rtol=1e-10)
    assert found["last.kernel"].max() > 1e40


def test_synaptic_flow_goes_through_every_kind_of_layer(opened):
    model = opened(_zoo())
    found = model.synaptic_flow()
    assert found.keys() == {weight.name for weight in model.graph().weights()}
    assert all(np.isfinite(array).all() and (array >= 0).all() and array.any() for array in found.values())
