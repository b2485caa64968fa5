"""Removing half of every group equals zeroing it, for every kind of layer that the group analysis can name."""

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends.keras.loading import loaded
from core.errors import BadModel
from core.groups import groups
from core.inputs import Several, arrays_of
from core.masks import Mask
from core.plan import DataChoice, Plan, Recovery
from core.pruning import cuts, decide, pools

RNG = np.random.default_rng(5)


def picture(*layers):
    entry = x = keras.Input((8, 8, 3))
    for layer in layers:
        x = layer(x)
    return keras.Model(entry, k.Dense(3, name="head")(k.GlobalAveragePooling2D()(x)))


def series(*layers, steps=6):
    entry = x = keras.Input((steps, 4))
    for layer in layers:
        x = layer(x)
    return keras.Model(entry, k.Dense(3, name="head")(x))


def grouped():
    return picture(
        k.Conv2D(8, 3, name="one"),
        k.Conv2D(12, 3, groups=4, activation="relu", name="grouped"),
        k.Conv2D(8, 1, groups=2, name="again"),
    )


def depthwise_with_a_multiplier():
    layers = (
        k.Conv2D(4, 3, name="one"),
        k.DepthwiseConv2D(3, depth_multiplier=2, name="deep"),
        k.Conv2D(6, 1, name="two"),
    )
    return picture(*layers, k.SeparableConv2D(8, 2, depth_multiplier=3, name="separable"))


def convolutions_over_time():
    layers = k.Conv1D(6, 3, name="one"), k.SeparableConv1D(6, 2, name="separable"), k.DepthwiseConv1D(2, name="deep")
    return series(*layers, k.Conv1DTranspose(4, 3, name="transposed"), k.GlobalMaxPooling1D())


def transposed():
    layers = k.Conv2D(6, 3, strides=2, name="down"), k.Conv2DTranspose(6, 3, strides=2, padding="same", name="up")
    return picture(*layers, k.UpSampling2D(), k.Cropping2D(1), k.ZeroPadding2D(), k.Conv2D(4, 3, name="last"))


def group_normalised():
    layers = k.Conv2D(8, 3, name="one"), k.GroupNormalization(2, name="two_groups"), k.ReLU()
    return picture(
        *layers, k.Conv2D(6, 3, name="two"), k.GroupNormalization(-1, name="instance"), k.PReLU(shared_axes=(1, 2))
    )


def normalised_by_root_mean_square():
    layers = k.Dense(8, name="one"), k.RMSNormalization(name="rms"), k.Dense(6, name="two"), k.PReLU(name="slopes")
    return series(*layers, k.LayerNormalization(name="norm"), k.GlobalAveragePooling1D())


def bidirectional(merge_mode, rnn=k.GRU):
    both = k.Bidirectional(rnn(6, return_sequences=True), merge_mode=merge_mode, name="both")
    return lambda: series(both, k.Bidirectional(rnn(4), merge_mode=merge_mode, name="last"))


def wrapped_for_every_step():
    layers = k.TimeDistributed(k.Dense(8), name="steps"), k.TimeDistributed(k.ReLU())
    return series(*layers, k.TimeDistributed(k.Dense(6), name="again"), k.Permute((2, 1)), k.Flatten())


def states_handed_on():
    """An encoder's last states start a decoder, all of the same units."""
    entry = keras.Input((6, 4))
    sequence, h, c = k.LSTM(6, return_sequences=True, return_state=True, name="encoder")(entry)
    decoded = k.LSTM(6, name="decoder")(sequence, initial_state=[h, c])
    return keras.Model(entry, k.Dense(3, name="head")(k.Concatenate()([decoded, c])))


def dealt_out_anew():
    """Halves that gate each other, pieces stacked, mirrored edges, windows of keras.ops, a channel shuffle."""
    entry, ops = keras.Input((8, 8, 3)), keras.ops
    one, other = ops.split(ops.glu(k.Conv2D(16, 3, name="one")(entry)), 2, axis=-1)
    x = ops.mean(ops.stack([one, other / (1 + ops.abs(one))], axis=2), axis=2)
    x = ops.max_pool(ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect"), 2)
    x = k.Reshape((4, 4, 2, 4))(k.Conv2D(8, 1, name="two")(k.Resizing(4, 4)(x)))
    x = ops.reshape(k.Permute((1, 2, 4, 3))(x), (-1, 4, 4, 8))
    x = ops.moveaxis(k.Conv2D(6, 1, groups=2, name="again")(x), -1, 1)
    return keras.Model(entry, k.Dense(3, name="head")(k.Flatten()(x)))


def picture_by_picture():
    """Layers for every picture of a series, both directions apart, a vector repeated at every step."""
    entry, each = keras.Input((4, 8, 8, 3)), k.TimeDistributed
    x = each(k.MaxPooling2D())(each(k.BatchNormalization())(each(k.Conv2D(6, 3), name="conv")(entry)))
    one, other = k.Bidirectional(k.GRU(6), merge_mode=None, name="both")(each(k.Flatten())(x))
    x = k.LSTM(5, name="again")(k.RepeatVector(3)(one * other))
    return keras.Model(entry, k.Dense(3, name="head")(x))


def channels_first():
    """Flattened with the channels put last. (Never as wide as it has channels: there Keras mistakes the bias' axis.)"""
    first, entry = {"data_format": "channels_first"}, keras.Input((3, 6, 6))
    x = k.ReLU()(k.Conv2D(8, 3, padding="same", name="one", **first)(entry))
    x = k.Dropout(0.1, noise_shape=(None, 8, 1, 1))(k.GroupNormalization(4, axis=1, name="norm")(x))
    x = k.DepthwiseConv2D(3, depth_multiplier=2, name="deep", **first)(x)
    return keras.Model(entry, k.Dense(3, name="head")(k.Flatten(**first)(k.MaxPooling2D(**first)(x))))


def padded_tokens():
    entry = keras.Input((6,), dtype="int64")
    x = k.Embedding(20, 8, mask_zero=True, name="embed")(entry)
    x = k.Add()([x, k.MultiHeadAttention(2, 4, name="attention")(x, x)])
    x = k.LayerNormalization(name="norm")(x)
    return keras.Model(entry, k.Dense(3, name="head")(k.GRU(6, name="gru")(x)))


def any_length():
    entry = keras.Input((None, 4))
    x = k.LSTM(6, return_sequences=True, name="lstm")(k.Conv1D(8, 3, padding="same", name="conv")(entry))
    return keras.Model(entry, k.Dense(3, name="head")(k.GlobalMaxPooling1D()(k.Reshape((-1, 6))(x))))


def cross_attention():
    """Queries and keys of different widths, values of a third, an output of its own."""
    entry = keras.Input((6, 4))
    query, key, value = (k.Dense(n, name=name)(entry) for n, name in ((8, "query"), (6, "key"), (10, "value")))
    x = k.MultiHeadAttention(4, 3, value_dim=5, output_shape=12, name="attention")(query, value, key)
    return keras.Model(entry, k.Dense(3, name="head")(k.GlobalAveragePooling1D()(x)))


def shared_and_nested():
    tower = keras.Sequential(
        [keras.Input((4,)), k.Dense(8, activation="relu", name="up"), k.Dense(6, name="down")], name="tower"
    )
    left, right = keras.Input((4,)), keras.Input((4,))
    joined = k.Subtract()([tower(left), tower(right)])
    return keras.Model([left, right], k.Dense(3, name="head")(k.Dense(6, activation="tanh", name="inner")(joined)))


def several_inputs_and_outputs():
    photo, facts = keras.Input((8, 8, 3), name="photo"), keras.Input((4,), name="facts")
    x = k.GlobalMaxPooling2D()(k.Conv2D(8, 3, activation="relu", name="conv")(photo))
    y = k.Dense(8, activation="relu", name="dense")(facts)
    joined = k.Concatenate()([x, y])
    outputs = {"first": k.Dense(3, name="first")(joined), "second": k.Dense(2, name="second")(k.Multiply()([x, y]))}
    return keras.Model({"photo": photo, "facts": facts}, outputs)


KINDS = {
    "grouped": grouped,
    "depthwise with a multiplier": depthwise_with_a_multiplier,
    "convolutions over time": convolutions_over_time,
    "transposed": transposed,
    "group normalised": group_normalised,
    "normalised by root mean square": normalised_by_root_mean_square,
    "both directions joined": bidirectional("concat"),
    "both directions summed": bidirectional("sum", k.LSTM),
    "wrapped for every step": wrapped_for_every_step,
    "states handed on": states_handed_on,
    "dealt out anew": dealt_out_anew,
    "picture by picture": picture_by_picture,
    "channels first": channels_first,
    "padded tokens": padded_tokens,
    "any length": any_length,
    "cross attention": cross_attention,
    "shared and nested": shared_and_nested,
}


def samples(model, count=5):
    entries = [symbol for _, symbol in model.network.walk.inputs]
    made = [
        RNG.integers(0, 20, (count, *x.shape[1:])) if "int" in str(x.dtype) else
        RNG.normal(size=(count, *x.shape[1:])).astype(np.float32)
        for x in entries
    ]  # fmt: skip
    return made[0] if len(made) == 1 else Several(tuple(made), tuple(name for name, _ in model.network.walk.inputs))


def halved(model):
    plan = Plan("-", DataChoice("-"), criterion="l1_norm", structure="removable", allocation="uniform", sparsity=0.5)
    decision = decide(pools(model, plan, None), plan, model.graph())
    return decision.masks, cuts(model.graph(), decision)


def near(outputs):
    return 1e-5 * max(1, float(np.abs(outputs).max()))


@pytest.mark.parametrize("kind", KINDS)
def test_removing_equals_zeroing_and_a_plain_file_gives_the_same(opened, kind, tmp_path):
    model = opened(KINDS[kind]())
    found = groups(model.graph())
    assert found and all(group.cuttable and not group.estimated for group in found), found
    masks, removed = halved(model)
    x = samples(model)
    expected = model.predict(x, masks)
    smaller = model.masked(masks).cut(removed)
    np.testing.assert_allclose(smaller.predict(x), expected, atol=near(expected))
    assert {name for name, _ in removed} == {member.array for group in found for member in group.members}
    plain = keras.saving.load_model(smaller.save(tmp_path / "cut.keras"))
    found = plain(list(arrays_of(x)) if isinstance(x, Several) else x, training=False)
    np.testing.assert_allclose(found, expected, atol=near(expected))


@pytest.mark.parametrize("kind", ["group normalised", "normalised by root mean square", "padded tokens"])
def test_zeroed_channels_that_stay_are_left_out_of_statistics_in_a_plain_file_too(opened, kind, tmp_path):
    model = opened(KINDS[kind]())
    masks, _ = halved(model)
    x = samples(model)
    expected = model.predict(x, masks)
    plain = keras.saving.load_model(model.masked(masks).save(tmp_path / "zeroed.keras"))
    np.testing.assert_allclose(plain(x, training=False), expected, atol=near(expected))
    assert plain.count_params() > 0.8 * sum(array.size for array in model.arrays().values())


def test_groups_that_keep_different_numbers_of_channels_are_normalised_one_by_one_in_a_plain_file(opened, tmp_path):
    """Expected values: Keras' own group normalisation with one group, of the channels that are left of each."""
    entry = keras.Input((4, 6))
    network = keras.Model(entry, k.Dense(2, name="head")(k.GroupNormalization(2, name="norm")(entry)))
    model, kept, x = opened(network), np.array([True, False, False, True, True, False]), samples_of((4, 6))
    masks = {"norm.scale": Mask(kept), "norm.shift": Mask(kept), "head.kernel": Mask(np.tile(kept, (2, 1)))}
    arrays, alone = model.arrays(), np.zeros((5, 4, 6), np.float32)
    for channels in ([0], [3, 4]):
        norm = k.GroupNormalization(1)
        norm.build((None, 4, len(channels)))
        norm.set_weights([arrays["norm.scale"][channels], arrays["norm.shift"][channels]])
        alone[..., channels] = norm(x[..., channels])
    expected = alone @ (arrays["head.kernel"] * kept).T + arrays["head.bias"]
    np.testing.assert_allclose(model.predict(x, masks), expected, atol=near(expected))
    plain = keras.saving.load_model(model.masked(masks).save(tmp_path / "zeroed.keras"))
    np.testing.assert_allclose(plain(x, training=False), expected, atol=near(expected))


def test_what_is_zeroed_and_not_cut_stays_out_of_statistics_in_the_smaller_network(opened):
    model = opened(normalised_by_root_mean_square())
    masks, removed = halved(model)
    x = samples(model)
    expected = model.predict(x, masks)
    first = {place: stays for place, stays in removed.items() if place[0].startswith(("one.", "rms.", "two."))}
    first = {place: stays for place, stays in first.items() if place[0] != "two.kernel" or place[1] == 1}
    first = {place: stays for place, stays in first.items() if place[0] != "two.bias"}
    smaller = model.masked(masks).cut(first)
    np.testing.assert_allclose(smaller.predict(x), expected, atol=near(expected))


def test_heads_and_groups_are_cut_whole_or_alike(opened):
    model = opened(cross_attention())
    with pytest.raises(BadModel, match="different sizes"):
        model.cut({("attention.query", 0): np.arange(4)})
    with pytest.raises(BadModel, match="as a whole"):
        model.cut({("attention.query", 0): np.array([0, 3, 6, 9])})
    with pytest.raises(BadModel, match="cut them alike"):
        opened(grouped()).cut({("grouped.kernel", 0): np.array([0, 1, 2, 3])})


def test_several_inputs_and_outputs_keep_their_names(opened, tmp_path):
    model = opened(several_inputs_and_outputs())
    masks, removed = halved(model)
    x = samples(model)
    expected = model.predict(x, masks)
    smaller = model.masked(masks).cut(removed)
    np.testing.assert_allclose(smaller.predict(x), expected, atol=near(expected))
    plain = keras.saving.load_model(smaller.save(tmp_path / "cut.keras"))
    found = plain(dict(zip(("photo", "facts"), by_name(x), strict=True)), training=False)
    np.testing.assert_allclose(found["first"], expected, atol=near(expected))
    assert found["second"].shape == (5, 2)
    assert smaller.arrays()["second.kernel"].shape == (2, 4)


def test_what_was_learned_of_the_data_is_kept_by_the_smaller_network_and_in_training(opened, tmp_path):
    """A Normalization layer makes constants of its variables once, when they are loaded."""
    entry, data = keras.Input((4,)), RNG.normal(3, 2, (50, 4)).astype(np.float32)
    norm = k.Normalization(name="data")
    network = keras.Model(entry, k.Dense(3, name="head")(k.Dense(8, activation="relu", name="inner")(norm(entry))))
    model = opened(network)
    norm.adapt(data)
    model = loaded(network)
    masks, removed = halved(model)
    expected = model.predict(data, masks)
    smaller = model.masked(masks).cut(removed)
    np.testing.assert_allclose(smaller.predict(data), expected, atol=near(expected))
    plain = keras.saving.load_model(smaller.save(tmp_path / "cut.keras"))
    np.testing.assert_allclose(plain(data, training=False), expected, atol=near(expected))
    trained = smaller.trainer(Recovery(batch_size=50, optimiser="sgd"), {}, 0)
    labels = expected.argmax(1)
    loss = np.log(np.exp(expected).sum(1)) - expected.max(1)
    assert trained.epoch(data, labels, 0, 0.0).loss == pytest.approx(loss.mean(), rel=1e-4)


def by_name(x):
    return [dict(zip(x.names, arrays_of(x), strict=True))[name] for name in ("photo", "facts")]


def samples_of(shape):
    return RNG.normal(size=(5, *shape)).astype(np.float32)
