"""Layers as two factors: what the network predicts, and all that can be done with it afterwards."""

import keras
import numpy as np
import pytest

from core.backends.keras import BACKEND
from core.errors import BadModel
from core.factors import factors, product
from core.plan import Recovery

SHAPE = (8, 8, 2)
SPLIT = ("conv.kernel", "block.wide.kernel", "row.kernel", "again.kernel", "steps.kernel", "head.kernel")


def mixed():
    """Strides, dilation and padding, activations inside, a nested model, a shared layer, a wrapped one."""
    k = keras.layers
    inside = keras.Input((8, 8, 4))
    block = keras.Model(
        inside, k.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="wide")(inside), name="block"
    )
    x = inputs = keras.Input(SHAPE)
    x = k.Conv2D(4, 3, dilation_rate=2, padding="same", activation="relu", name="conv")(x)
    x = k.LayerNormalization(name="norm")(block(x))
    x = k.Conv2D(6, 3, groups=2, padding="same", name="grouped")(x)
    x = k.Reshape((16, 6), name="reshape")(x)
    x = k.Conv1D(7, 4, padding="causal", use_bias=False, name="row")(x)
    again = k.Dense(7, activation="tanh", name="again")
    x = k.TimeDistributed(k.Dense(5, name="step"), name="steps")(again(again(x)))
    return keras.Model(inputs, k.Dense(3, name="head")(k.GlobalAveragePooling1D(name="mean")(x)), name="mixed")


def split(model, names, rank=2):
    return {name: factors(model.arrays()[name], rank) for name in names}


def dense(model, found):
    """The same network with the products in place of its kernels."""
    return model.with_arrays({name: product(*pair) for name, pair in found.items()})


@pytest.fixture(scope="module")
def model(opened):
    return opened(mixed())


@pytest.fixture(scope="module")
def smaller(model):
    return model.factorised(split(model, SPLIT))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(12, *SHAPE)).astype(np.float32)


def test_the_factors_predict_what_their_product_predicts(model, smaller, x):
    expected = dense(model, split(model, SPLIT)).predict(x)
    np.testing.assert_allclose(smaller.predict(x), expected, atol=1e-5)
    assert smaller.arrays()["conv_down.kernel"].shape == (2, 2, 3, 3)
    assert smaller.arrays()["conv_up.kernel"].shape == (4, 2, 1, 1)
    assert not {"conv.kernel", "conv.bias", "conv_down.bias", "row_up.bias"} & set(smaller.arrays())
    layers = [weight.layer for weight in smaller.graph().weights()]
    assert layers[:5] == ["conv_down", "conv_up", "block.wide_down", "block.wide_up", "grouped"]
    assert "conv.kernel" in model.arrays()


def test_pruned_and_cut_networks_can_be_factorised_and_factors_cut(model, x, masks_of):
    masks = masks_of(model, ["conv.kernel", "head.kernel", "norm.scale"])
    pruned = model.masked(masks)
    found = split(pruned, ("conv.kernel", "head.kernel"))
    smaller = pruned.factorised(found)
    expected = model.masked(masks).predict(x)
    np.testing.assert_allclose(
        pruned.factorised(split(pruned, ("head.kernel",), 3)).predict(x), expected, atol=1e-5
    )  # the normalisation still leaves its masked channels out

    kept = np.array([0])
    thinner = smaller.cut({("head_down.kernel", 0): kept, ("head_up.kernel", 1): kept})
    assert thinner.arrays()["head_up.kernel"].shape == (3, 1)
    once_more = thinner.factorised(split(thinner, ["conv_down.kernel"], 1))
    assert once_more.predict(x).shape == (len(x), 3)


def test_a_factorised_network_trains_and_opens_in_plain_keras(smaller, x, tmp_path):
    trainer = smaller.trainer(Recovery(epochs=1, batch_size=4), {}, seed=0)
    trainer.epoch(x, np.arange(12) % 3, 0, 1e-3)
    trained = trainer.model()
    for part in ("conv_down.kernel", "conv_up.kernel", "head_down.kernel"):
        assert np.abs(trained.arrays()[part] - smaller.arrays()[part]).max() > 0

    path = trained.save(tmp_path / "factors")
    plain = keras.saving.load_model(path, compile=False).predict(x, verbose=0)
    np.testing.assert_allclose(plain, trained.predict(x), atol=1e-5)
    assert set(BACKEND.load(path).arrays()) == set(trained.arrays())


def test_a_kernel_without_factors_is_said_by_name(model, opened):
    with pytest.raises(BadModel, match='"grouped.kernel" cannot be factorised: .*grouped'):
        model.factorised(split(model, ["grouped.kernel"]))
    recurrent = opened(keras.Sequential([keras.Input((4, 3)), keras.layers.GRU(5, name="gru")]))
    with pytest.raises(BadModel, match='"gru.recurrent" cannot be factorised: .*recurrent'):
        recurrent.factorised(split(recurrent, ["gru.recurrent"]))
