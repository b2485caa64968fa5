"""Numbers for targets, several inputs, several outputs, tokens: the same ways as everything else."""

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends._base import Extras
from core.backends.keras.loading import load
from core.errors import BadData, BadSetting, NotFinite, WrongLabels, WrongShape
from core.inputs import Several
from core.plan import Recovery

RNG = np.random.default_rng(31)
X = RNG.normal(size=(12, 4)).astype("float32")
TARGETS = RNG.normal(size=(12, 2)).astype("float32")
TOKENS = RNG.integers(0, 7, (12, 5))
Y = np.arange(12) % 3


@pytest.fixture(scope="module")
def regression(opened):
    """4-5-2, numbers out."""
    layers = [keras.Input((4,)), k.Dense(5, "tanh", name="fc1"), k.Dense(2, name="fc2")]
    return opened(keras.Sequential(layers)).with_output("regression")


@pytest.fixture(scope="module")
def two_sided(opened):
    """Tokens and numbers in, classes and numbers out."""
    words = keras.Input((5,), dtype="int32", name="words")
    facts = keras.Input((4,), name="facts")
    x = k.GRU(3, name="gru")(k.Embedding(7, 3, name="embed")(words))
    x = k.Concatenate(name="joined")([x, k.Dense(3, activation="relu", name="fc1")(facts)])
    return opened(keras.Model([words, facts], [k.Dense(3, name="classes")(x), k.Dense(1, name="value")(x)]))


BOTH = Several((TOKENS, X), ("words", "facts"))


def test_a_regression_is_measured_by_its_mean_squared_error(regression):
    out = regression.predict(X).astype(np.float64)
    trainer = regression.trainer(Recovery(optimiser="sgd", batch_size=12), {}, 0)
    result = trainer.epoch(X, TARGETS, 0, 0.1)
    assert result.loss == pytest.approx(np.square(out - TARGETS).mean(), rel=1e-5)
    around = np.square(TARGETS - TARGETS.mean(0)).sum()
    assert result.accuracy == pytest.approx(1 - np.square(out - TARGETS).sum() / around, rel=1e-4)
    a = regression.arrays()
    h = np.tanh(X @ a["fc1.kernel"].T + a["fc1.bias"])
    expected = ((out - TARGETS) / 12).T @ h  # 2 / (12 samples x 2 values)
    moved = a["fc2.kernel"] - trainer.model().arrays()["fc2.kernel"]
    np.testing.assert_allclose(moved, 0.1 * expected, atol=1e-6)
    (gradient,) = regression.gradients([(X, TARGETS)], temperature=200.0)
    np.testing.assert_allclose(gradient["fc2.kernel"], expected, atol=1e-6)


def test_signals_of_a_regression(regression):
    (squares,) = regression.squared_gradients([(X, TARGETS)])
    singles = [next(regression.gradients([(X[i : i + 1], TARGETS[i : i + 1])])) for i in range(12)]
    expected = sum(np.square(s["fc1.kernel"]) for s in singles) / 12
    np.testing.assert_allclose(squares["fc1.kernel"], expected, rtol=1e-4)
    (tap,) = regression.taps([(X, TARGETS)], ["output"], gradients=True)
    np.testing.assert_allclose(tap["output"].gradient, regression.predict(X) - TARGETS, atol=1e-6)
    ((product,),) = regression.hessian_products([(X, TARGETS)], [{"fc2.kernel": np.ones((2, 5), np.float32)}])
    a = regression.arrays()
    h = np.tanh(X @ a["fc1.kernel"].T + a["fc1.bias"])
    np.testing.assert_allclose(product["fc2.kernel"], np.ones((2, 5)) @ (h.T @ h) / 12, rtol=1e-4)


def test_a_teacher_of_numbers_is_followed_by_squared_distance(regression):
    teacher = RNG.normal(size=(12, 2)).astype("float32")
    trainer = regression.trainer(Recovery(batch_size=12), {}, 0, Extras(teacher=teacher, teacher_weight=0.25))
    out = regression.predict(X)
    expected = 0.75 * np.square(out - TARGETS).mean() + 0.25 * np.square(out - teacher).mean()
    assert trainer.epoch(X, TARGETS, 0, 0.1).loss == pytest.approx(expected, rel=1e-5)


def test_any_shape_of_numbers_can_be_a_target(opened):
    model = opened(keras.Sequential([keras.Input((6, 6, 1)), k.Conv2D(2, 3, name="conv")]))
    assert not model.trainable and any("one score for each class" in note for note in model.notes)
    model = model.with_output("regression")
    assert model.trainable and not any("one score for each class" in note for note in model.notes)
    x, y = RNG.normal(size=(4, 6, 6, 1)).astype("float32"), RNG.normal(size=(4, 4, 4, 2)).astype("float32")
    result = model.trainer(Recovery(batch_size=4), {}, 0).epoch(x, y, 0, 0.1)
    assert result.loss == pytest.approx(np.square(model.predict(x) - y).mean(), rel=1e-5)


def test_one_unit_read_as_a_number_is_no_guess_any_more(opened):
    model = opened(keras.Sequential([keras.Input((4,)), k.Dense(1, name="fc")]))
    assert any("logit of two classes" in note for note in model.notes)
    told = model.with_output("regression")
    assert told.notes == () and told.classes == 1
    assert told.trainer(Recovery(), {}, 0).epoch(X, TARGETS[:, 0], 0, 0.1).accuracy <= 1


def test_several_inputs_and_outputs_go_every_way(two_sided, masks_of):
    assert two_sided.input_names == ("words", "facts") and two_sided.input_shapes == ((5,), (4,))
    assert any("2 outputs: the first is measured" in note for note in two_sided.notes)
    expected = two_sided.network.model.predict([TOKENS, X], verbose=0)[0]
    np.testing.assert_allclose(two_sided.predict(BOTH, batch_size=5), expected, atol=1e-6)
    (gradient,) = two_sided.gradients([(BOTH, Y)])
    assert gradient["fc1.kernel"].any() and not gradient["value.kernel"].any()
    (squares,) = two_sided.squared_gradients([(BOTH, Y)])
    assert squares.keys() == {weight.name for weight in two_sided.graph().weights()}
    (taps,) = two_sided.taps([(BOTH, Y)], ["words", "joined"], gradients=True)
    np.testing.assert_array_equal(taps["words"].value, TOKENS)
    assert two_sided.synaptic_flow()["gru.kernel"].any()
    masks = masks_of(two_sided)
    trainer = two_sided.trainer(Recovery(batch_size=6), masks, 0)
    losses = [trainer.epoch(BOTH, Y, number, 0.05).loss for number in range(3)]
    assert losses[-1] < losses[0]
    assert not trainer.model().arrays()["fc1.kernel"][~masks["fc1.kernel"].kept].any()


def test_saved_and_cut_networks_keep_all_inputs_and_outputs(two_sided, tmp_path):
    keep = np.array([0, 2])
    smaller = two_sided.cut({("fc1.kernel", 0): keep, ("fc1.bias", 0): keep,
                             ("classes.kernel", 1): np.array([0, 1, 2, 3, 5]),
                             ("value.kernel", 1): np.array([0, 1, 2, 3, 5])})  # fmt: skip
    for model in (two_sided, smaller):
        path = model.save(tmp_path / "network.keras")
        np.testing.assert_allclose(load(path).predict(BOTH), model.predict(BOTH), atol=1e-6)
        plain = keras.saving.load_model(path, compile=False)
        assert [tuple(x.shape[1:]) for x in plain.outputs] == [(3,), (1,)]
        given = {"x": (TOKENS, X)}
        exec(model.snippet(str(path)), given)
        np.testing.assert_allclose(given["y"], model.predict(BOTH), atol=1e-6)


def test_inputs_by_name_are_taken_in_the_order_of_their_names(opened, tmp_path):
    entries = {"b": keras.Input((4,), name="b"), "a": keras.Input((2,), name="a")}
    joined = k.Concatenate(name="joined")([entries["b"], entries["a"]])
    model = opened(keras.Model(entries, k.Dense(3, name="fc")(joined)))
    arrays = {"a": TARGETS, "b": X}
    x = Several(tuple(arrays[name] for name in model.input_names), model.input_names)
    kernel = model.arrays()["fc.kernel"]
    expected = np.concatenate([X, TARGETS], 1) @ kernel.T + model.arrays()["fc.bias"]
    np.testing.assert_allclose(model.predict(x), expected, atol=1e-5)
    given = {"x": x.arrays}
    exec(model.snippet(str(model.save(tmp_path / "named.keras"))), given)
    np.testing.assert_allclose(given["y"], expected, atol=1e-5)


def test_what_does_not_fit_is_named(two_sided, regression):
    with pytest.raises(WrongShape, match="1 inputs; the network takes 2: words, facts"):
        two_sided.predict(X)
    with pytest.raises(WrongShape, match=r'shape \(4,\) for input "words"'):
        two_sided.predict(Several((X, X), ("a", "b")))
    with pytest.raises(WrongShape, match="differ in their samples: 12, 3"):
        two_sided.predict(Several((TOKENS, X[:3]), ("words", "facts")))
    with pytest.raises(BadData, match="tokens from 0 to 7; the network knows 0 to 6"):
        two_sided.predict(Several((TOKENS + (TOKENS == 6), X), ("words", "facts")))
    with pytest.raises(BadData, match="fractions"):
        two_sided.predict(Several((TOKENS + 0.5, X), ("words", "facts")))
    with pytest.raises(WrongLabels, match=r"shape \(3,\); the network gives \(2,\)"):
        list(regression.gradients([(X, np.ones((12, 3), np.float32))]))
    with pytest.raises(NotFinite, match="Leave those samples out"):
        list(regression.gradients([(X, TARGETS * np.nan)]))
    with pytest.raises(WrongLabels, match="no classes"):
        regression.trainer(Recovery(), {}, 0, Extras(class_weights=np.ones(2, np.float32)))
    with pytest.raises(BadSetting, match="one output unit; this one has 2"):
        regression.with_output("sigmoid")
