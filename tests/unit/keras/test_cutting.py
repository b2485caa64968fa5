"""Removing channels equals zeroing them, and what is left opens in plain Keras."""

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends.keras.resizing import mended
from core.errors import BadModel
from core.masks import Mask

X = np.random.default_rng(11).normal(size=(9, 8, 8, 3)).astype("float32")
KEEP = np.array([0, 2, 5])


def columns(channels, runs):
    """Where the channels' columns lie behind a flatten that keeps each channel together."""
    return (channels[:, None] * runs + np.arange(runs)).reshape(-1)


def masks_from(model, cuts):
    """The zeros that match the cuts; running statistics stay as they are."""
    kept = {}
    for (name, axis), indices in cuts.items():
        if not name.endswith((".mean", ".variance")):
            mask = kept.setdefault(name, np.ones(model.arrays()[name].shape, bool))
            gone = np.setdiff1d(np.arange(mask.shape[axis]), indices)
            mask[(slice(None),) * axis + (gone,)] = False
    return {name: Mask(mask) for name, mask in kept.items()}


def assert_cut_equals_masked(model, cuts, x):
    expected = model.predict(x, masks_from(model, cuts))
    smaller = model.cut(cuts)
    found = smaller.predict(x)
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))
    return smaller


def rows(layers, roles):
    return {(f"{layer}.{role}", 0): KEEP for layer in layers for role in roles}


NORM = ("scale", "shift", "mean", "variance")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "sigmoid", "softplus"])
def test_a_convolution_before_a_flatten(opened, activation, norm, bias):
    layers = [
        keras.Input((8, 8, 3)),
        k.Conv2D(6, 3, use_bias=bias, activation=None if norm else activation, name="conv1"),
        *([k.BatchNormalization(name="norm1"), k.Activation(activation)] if norm else []),
        k.MaxPooling2D(),
        k.Permute((3, 1, 2)),
        k.Flatten(),
        k.Dense(4, name="fc1"),
    ]
    model = opened(keras.Sequential(layers, name="net"))
    cuts = rows(["conv1"], ["kernel", "bias"] if bias else ["kernel"])
    cuts |= rows(["norm1"], NORM) if norm else {}
    smaller = assert_cut_equals_masked(model, cuts | {("fc1.kernel", 1): columns(KEEP, 9)}, X)
    assert smaller.arrays()["conv1.kernel"].shape == (3, 3, 3, 3)
    assert isinstance(smaller.network.model, keras.Sequential)


def test_residual_nested_and_shared_layers(opened):
    encoder = keras.Sequential(
        [keras.Input((8, 8, 6)), k.Conv2D(6, 3, padding="same", name="conv"), k.BatchNormalization(name="norm")],
        name="encoder",
    )
    entry = keras.Input((8, 8, 3))
    stem = k.Conv2D(6, 1, name="stem")(entry)
    once = k.Add()([stem, encoder(stem)])
    twice = k.Add()([once, encoder(once)])
    pooled = k.GlobalAveragePooling2D()(keras.ops.relu(twice) * 0.5)
    model = opened(keras.Model(entry, k.Dense(4, activation="softmax", name="head")(pooled)))
    cuts = rows(["stem", "encoder.conv"], ["kernel", "bias"]) | rows(["encoder.norm"], NORM)
    cuts |= {("encoder.conv.kernel", 1): KEEP, ("head.kernel", 1): KEEP}
    smaller = assert_cut_equals_masked(model, cuts, X)
    assert smaller.arrays()["encoder.conv.kernel"].shape == (3, 3, 3, 3)


def test_depthwise_separable_and_concatenated(opened):
    entry = keras.Input((8, 8, 3))
    h = k.Conv2D(6, 1, name="conv1")(entry)
    d = k.DepthwiseConv2D(3, padding="same", name="dw")(h)
    s = k.SeparableConv2D(6, 3, padding="same", name="sep")(h)
    model = opened(keras.Model(entry, k.Dense(4, name="fc")(k.GlobalMaxPooling2D()(k.Concatenate()([d, s])))))
    cuts = rows(["conv1"], ["kernel", "bias"]) | rows(["dw"], ["depthwise", "bias"])
    cuts |= {("sep.depthwise", 0): KEEP, ("sep.pointwise", 1): KEEP}
    cuts |= {("fc.kernel", 1): np.concatenate([KEEP, 6 + np.arange(6)])}
    assert_cut_equals_masked(model, cuts, X)


def test_layer_normalisation_attention_and_a_recurrent_consumer(opened):
    entry = keras.Input((8, 3))
    h = k.Dense(6, name="embed")(entry)
    n = k.LayerNormalization(name="norm", epsilon=1e-5)(h)
    a = k.Add()([h, k.MultiHeadAttention(2, 4, name="att")(n, n)])
    model = opened(keras.Model(entry, k.Dense(2, name="fc")(k.LSTM(5, name="lstm")(a))))
    cuts = rows(["embed"], ["kernel", "bias"]) | rows(["norm"], ["scale", "shift"]) | rows(["att"], ["out", "out_bias"])
    cuts |= {(f"att.{role}", 1): KEEP for role in ("query", "key", "value")} | {("lstm.kernel", 1): KEEP}
    assert_cut_equals_masked(model, cuts, X[:, 0])


def test_a_smaller_network_can_be_trained_saved_and_cut_again(opened, tmp_path):
    model = opened(
        keras.Sequential([keras.Input((8, 3)), k.Dense(6, name="a"), k.Flatten(), k.Dense(2, name="b")], name="net")
    )
    flat = (np.arange(8)[:, None] * 6 + KEEP).reshape(-1)
    smaller = assert_cut_equals_masked(model, rows(["a"], ["kernel", "bias"]) | {("b.kernel", 1): flat}, X[:, 0])
    again = smaller.cut(
        {("a.kernel", 0): np.array([1]), ("a.bias", 0): np.array([1]), ("b.kernel", 1): np.arange(8) * 3 + 1}
    )
    plain = keras.saving.load_model(again.save(tmp_path / "cut.keras"))
    np.testing.assert_allclose(plain.predict(X[:, 0], verbose=0), again.predict(X[:, 0]), atol=1e-6)
    assert plain.get_layer("a").units == 1


def test_cuts_that_do_not_fit_together_are_refused(opened, small_cnn):
    model = opened(small_cnn)
    with pytest.raises(BadModel):
        model.cut({("conv1.kernel", 0): np.array([0, 1])})
    with pytest.raises(BadModel, match="at least one"):
        model.cut({("conv1.kernel", 0): np.array([], np.int64)})


@pytest.mark.parametrize(
    ("before", "after", "now", "expected"),
    [
        ((4, 4, 16), (16, 16), (4, 4, 10), (16, 10)),
        ((4, 4, 16), (256,), (4, 4, 10), (160,)),
        ((6, 64), (6, 8, 8), (3, 64), (3, 8, 8)),
        ((1, 6), (6,), (1, 3), (3,)),
        ((6,), (6, 1, 1), (3,), (3, 1, 1)),
        ((12,), (4, 3), (9,), (3, 3)),
    ],
)
def test_a_reshape_is_mended_where_only_one_axis_can_shrink(before, after, now, expected):
    assert mended(before, after, now) == expected


def test_a_reshape_that_leaves_a_choice_is_refused():
    with pytest.raises(BadModel, match="cannot be mended"):
        mended((16,), (4, 4), (8,))


def transformer():
    entry = keras.Input((8, 3))
    h = k.Dense(8, name="embed")(entry)
    for i in range(2):
        n = k.LayerNormalization(name=f"before{i}")(h)
        h = k.Add()([h, k.MultiHeadAttention(2, 4, name=f"att{i}")(n, n)])
        m = k.Dense(12, activation="gelu", name=f"up{i}")(k.LayerNormalization(name=f"after{i}")(h))
        h = k.Add()([h, k.Dense(8, name=f"down{i}")(m)])
    return keras.Model(entry, k.Dense(3, name="head")(k.GlobalAveragePooling1D()(h)))


def branching():
    entry = keras.Input((8, 8, 3))
    stem = k.Activation("silu")(k.BatchNormalization(name="norm")(k.Conv2D(8, 3, padding="same", name="stem")(entry)))
    deep = k.DepthwiseConv2D(3, padding="same", name="deep")(stem)
    wide = k.SeparableConv2D(8, 3, padding="same", activation="softplus", name="wide")(stem)
    joined = k.Concatenate()([k.Add()([stem, deep]), wide])
    folded = k.Reshape((8, 128))(k.MaxPooling2D((1, 1))(joined))
    up = k.Conv2DTranspose(4, 2, name="up")(k.Reshape((8, 8, 16))(folded))
    return keras.Model(entry, k.Dense(3, activation="softmax", name="head")(k.Flatten()(up)))


@pytest.mark.parametrize("build", [transformer, branching])
def test_what_the_group_analysis_cuts_equals_what_it_masks(opened, build):
    """Whole path: scores, decision, masks, cuts."""
    from core.plan import DataChoice, Plan
    from core.pruning import cuts, decide, pools

    model = opened(build())
    x = X if len(model.input_shapes[0]) == 3 else X[:, 0]
    plan = Plan("-", DataChoice("-"), criterion="l1_norm", structure="channel", allocation="uniform", sparsity=0.5)
    decision = decide(pools(model, plan, None), plan, model.graph())
    removed = cuts(model.graph(), decision)
    assert removed
    cuttable = {name for name, _ in removed}
    expected = model.predict(x, decision.masks)
    smaller = model.masked(decision.masks).cut(removed)
    np.testing.assert_allclose(smaller.predict(x), expected, atol=1e-5 * max(1, np.abs(expected).max()))
    assert all(smaller.arrays()[name].size < model.arrays()[name].size for name in cuttable)
