"""Gradients, their squares sample by sample, and Hessian products, against a network worked out by hand in numpy."""

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends._base import Batch
from core.errors import BadModel, BadSetting, EmptyData, WrongLabels, WrongShape
from core.masks import Mask

RNG = np.random.default_rng(11)
X = RNG.normal(size=(5, 3)).astype("float32")
Y = np.array([0, 2, 1, 1, 0])
WEIGHT = np.array([0.5, 2.0, 1.0, 0.25, 1.5], np.float32)


@pytest.fixture(scope="module")
def two_layers(opened):
    """3-4-3 with tanh: smooth, so that the Hessian is everywhere what differences say."""
    return opened(keras.Sequential([keras.Input((3,)), k.Dense(4, "tanh", name="fc1"), k.Dense(3, name="fc2")]))


def by_hand(arrays, x, y, weight=None, temperature=1.0):
    """The gradient of the mean over the samples of weight x cross-entropy, in double precision."""
    a = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    h = np.tanh(x @ a["fc1.kernel"].T + a["fc1.bias"])
    z = (h @ a["fc2.kernel"].T + a["fc2.bias"]) / temperature
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    weight = np.ones(len(x)) if weight is None else weight
    error = (p - np.eye(3)[y]) * weight[:, None] / len(x) / temperature
    back = (error @ a["fc2.kernel"]) * (1 - h**2)
    return {
        "fc1.kernel": back.T @ x,
        "fc1.bias": back.sum(0),
        "fc2.kernel": error.T @ h,
        "fc2.bias": error.sum(0),
    }


def close(found, expected, rtol=1e-5):
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=rtol, atol=rtol * np.abs(array).max(), err_msg=name)


@pytest.mark.parametrize("temperature", [1.0, 200.0])
def test_gradients_are_of_the_weighted_mean_loss_with_logits_over_the_temperature(two_layers, temperature):
    (found,) = two_layers.gradients([Batch(X, Y, WEIGHT)], temperature=temperature)
    close(found, by_hand(two_layers.arrays(), X, Y, WEIGHT, temperature))


def test_a_pair_will_do_for_a_batch_and_masked_entries_have_gradients(two_layers):
    masks = {"fc1.kernel": Mask(RNG.random((4, 3)) > 0.5)}
    zeroed = {**two_layers.arrays(), "fc1.kernel": two_layers.arrays()["fc1.kernel"] * masks["fc1.kernel"].kept}
    (found,) = two_layers.gradients([(X, Y)], masks)
    close(found, by_hand(zeroed, X, Y))
    assert (found["fc1.kernel"][~masks["fc1.kernel"].kept] != 0).all()


def test_probabilities_have_the_same_gradients_at_any_temperature(opened, two_layers):
    soft = opened(keras.Sequential([keras.Input((3,)), k.Dense(4, "tanh", name="fc1"),
                                    k.Dense(3, "softmax", name="fc2")]))  # fmt: skip
    (found,) = soft.gradients([(X, Y)], temperature=7.0)
    close(found, by_hand(soft.arrays(), X, Y, temperature=7.0))


def test_squares_are_taken_sample_by_sample_and_then_averaged_by_weight(two_layers):
    (found,) = two_layers.squared_gradients([Batch(X, Y, WEIGHT)])
    singles = [by_hand(two_layers.arrays(), X[i : i + 1], Y[i : i + 1]) for i in range(5)]
    expected = {
        name: sum(w * s[name] ** 2 for w, s in zip(WEIGHT, singles, strict=True)) / 5
        for name in ("fc1.kernel", "fc2.kernel")
    }
    assert found.keys() == expected.keys()
    close(found, expected)


def test_squares_of_a_network_in_double_precision_are_those_in_single(opened, two_layers):
    layers = [k.Dense(4, "tanh", name="fc1", dtype="float64"), k.Dense(3, name="fc2", dtype="float64")]
    double = opened(keras.Sequential([keras.Input((3,)), *layers])).with_arrays(two_layers.arrays())
    (found,), (expected,) = (model.squared_gradients([(X, Y)]) for model in (double, two_layers))
    close(found, expected)


def test_hessian_products_are_differences_of_gradients(two_layers):
    rng = np.random.default_rng(3)
    vectors = [{w.name: rng.choice([-1.0, 1.0], w.shape) for w in two_layers.graph().weights()} for _ in range(2)]
    vectors = [{name: v.astype("float32") for name, v in vector.items()} for vector in vectors]
    arrays, step = {n: np.asarray(a, np.float64) for n, a in two_layers.arrays().items()}, 1e-5
    (found,) = two_layers.hessian_products([Batch(X, Y, WEIGHT)], vectors, temperature=2.0)
    for product, vector in zip(found, vectors, strict=True):
        there, back = (
            by_hand({n: a + sign * step * vector.get(n, 0) for n, a in arrays.items()}, X, Y, WEIGHT, 2.0)
            for sign in (1, -1)
        )
        assert product.keys() == vector.keys()
        close(product, {name: (there[name] - back[name]) / (2 * step) for name in vector}, rtol=1e-4)


def test_the_hessian_is_over_the_named_weights_only(two_layers):
    vector = {"fc1.kernel": np.ones((4, 3), np.float32)}
    (both,) = two_layers.hessian_products([(X, Y)], [{**vector, "fc2.kernel": np.zeros((3, 4), np.float32)}])
    (one,) = two_layers.hessian_products([(X, Y)], [vector])
    assert one[0].keys() == {"fc1.kernel"}
    np.testing.assert_allclose(one[0]["fc1.kernel"], both[0]["fc1.kernel"], rtol=1e-5, atol=1e-7)


def _pictures():
    entry = keras.Input((6, 6, 2))
    x = k.Conv2D(4, 3, padding="same", strides=2, activation="gelu", name="conv")(entry)
    x = k.UpSampling2D(2, name="larger")(k.Conv2D(4, 1, dilation_rate=2, name="point")(x))
    x = k.BatchNormalization(name="norm")(k.DepthwiseConv2D(2, name="depth")(x))
    x = k.GroupNormalization(2, name="groups")(x)
    x = k.Flatten(name="flat")(k.AveragePooling2D(2, name="pool")(x))
    return keras.Model(entry, k.Dense(3, activation="softmax", name="fc")(x))


def _sequences():
    entry = keras.Input((4, 3))
    x = k.MultiHeadAttention(2, 2, name="attention")(entry, entry)
    x = k.GRU(3, return_sequences=True, name="gru")(k.Conv1D(3, 2, padding="causal", name="conv")(x))
    shared = k.Dense(3, activation="tanh", name="shared")
    x = shared(k.TimeDistributed(k.Dense(3), name="each")(shared(x)))
    x = k.LSTM(3, name="lstm")(k.LayerNormalization(name="norm")(x))
    return keras.Model(entry, k.Dense(3, name="fc")(x))


@pytest.mark.parametrize(("network", "shape"), [(_pictures, (6, 6, 2)), (_sequences, (4, 3))])
def test_deep_networks_agree_with_loops_and_differences(opened, network, shape):
    model = opened(network())
    x = RNG.normal(size=(4, *shape)).astype("float32")
    y = np.array([0, 2, 1, 1])
    names = [weight.name for weight in model.graph().weights()]
    singles = [next(model.gradients([(x[i : i + 1], y[i : i + 1])])) for i in range(4)]
    (squares,) = model.squared_gradients([(x, y)])
    close(squares, {name: sum(s[name] ** 2 for s in singles) / 4 for name in names}, rtol=2e-3)
    vector = {name: RNG.choice([-1.0, 1.0], model.arrays()[name].shape).astype("float32") for name in names}
    ((product,),) = model.hessian_products([(x, y)], [vector])
    step = 4e-3
    there, back = (
        next(model.with_arrays({n: model.arrays()[n] + s * step * v for n, v in vector.items()}).gradients([(x, y)]))
        for s in (1, -1)
    )
    expected = {name: (there[name] - back[name]) / (2 * step) for name in names}
    close(product, expected, rtol=5e-3)


def test_other_values_and_other_batches_do_not_trace_again(two_layers):
    vector = [{"fc1.kernel": np.ones((4, 3), np.float32)}]

    def all_of(model, x, y):
        list(model.gradients([(x, y)], temperature=3.0))
        list(model.squared_gradients([(x, y)]))
        list(model.hessian_products([(x, y)], vector))
        list(model.taps([(x, y)], ["fc1"], gradients=True))
        model.synaptic_flow()

    all_of(two_layers, X, Y)
    compiled = dict(two_layers.network._compiled)
    all_of(two_layers.with_arrays({"fc1.bias": np.ones(4, np.float32)}), X[:3], Y[:3])
    assert two_layers.network._compiled == compiled


def test_other_arrays_make_another_model_and_leave_this_one_alone(two_layers):
    before = two_layers.arrays()["fc1.bias"].copy()
    other = two_layers.with_arrays({"fc1.bias": np.arange(4, dtype=np.float32)})
    np.testing.assert_array_equal(other.arrays()["fc1.bias"], [0, 1, 2, 3])
    np.testing.assert_array_equal(two_layers.arrays()["fc1.bias"], before)
    np.testing.assert_array_equal(other.arrays()["fc1.kernel"], two_layers.arrays()["fc1.kernel"])


def test_what_does_not_fit_is_named(two_layers):
    with pytest.raises(WrongLabels, match="Labels are from 0 to 3; the network tells 0 to 2 apart"):
        list(two_layers.gradients([(X[:2], np.array([0, 3]))]))
    with pytest.raises(WrongLabels, match="5 samples but 4 labels"):
        list(two_layers.gradients([(X, Y[:4])]))
    with pytest.raises(WrongShape, match="weights of shape"):
        list(two_layers.squared_gradients([Batch(X, Y, WEIGHT[:2])]))
    with pytest.raises(EmptyData, match="no samples"):
        list(two_layers.gradients([(X[:0], Y[:0])]))
    with pytest.raises(BadSetting, match="above 0"):
        list(two_layers.gradients([(X, Y)], temperature=0))
    with pytest.raises(BadSetting, match="at least one vector"):
        list(two_layers.hessian_products([(X, Y)], []))
    with pytest.raises(BadSetting, match=r'"fc1.kernel" has shape \(2,\)'):
        list(two_layers.hessian_products([(X, Y)], [{"fc1.kernel": np.ones(2, np.float32)}]))
    with pytest.raises(BadSetting, match="same Weights"):
        kernel = {"fc1.kernel": np.ones((4, 3), np.float32)}
        list(two_layers.hessian_products([(X, Y)], [kernel, {"fc2.kernel": np.ones((3, 4), np.float32)}]))
    with pytest.raises(BadSetting, match="no array of that name"):
        two_layers.with_arrays({"fc9.kernel": np.ones(2, np.float32)})


def test_a_network_of_a_fixed_batch_says_how_many_samples_it_takes(opened):
    model = opened(keras.Sequential([keras.Input(batch_shape=(4, 3)), k.Dense(3, name="fc")]))
    (found,) = model.gradients([(X[:4], Y[:4])])
    assert found["fc.kernel"].shape == (3, 3)
    with pytest.raises(BadModel, match="exactly 4 samples at a time; this batch has 5"):
        list(model.gradients([(X, Y)]))
    with pytest.raises(BadModel, match="none can be looked at alone"):
        list(model.squared_gradients([(X[:4], Y[:4])]))
