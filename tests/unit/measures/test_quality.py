"""Quality against scikit-learn, and where it must not break."""

import numpy as np
import pytest
from sklearn import metrics

from core.errors import BadModel, BadSetting
from core.measures.quality import quality


def outputs(samples=200, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, classes)).astype(np.float32) * 2, rng.integers(0, classes, samples)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_averages_are_those_of_scikit_learn():
    x, y = outputs()
    found, predicted = quality(x, y, "logits", 5), x.argmax(axis=1)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y, predicted))
    assert found.precision == pytest.approx(metrics.precision_score(y, predicted, average="macro"))
    assert found.recall == pytest.approx(metrics.recall_score(y, predicted, average="macro"))
    assert found.f1 == pytest.approx(metrics.f1_score(y, predicted, average="macro"))
    assert found.loss == pytest.approx(metrics.log_loss(y, softmax(x.astype(float))))
    np.testing.assert_allclose(found.recall_per_class, metrics.recall_score(y, predicted, average=None))


def test_logits_probabilities_and_their_logarithms_tell_the_same():
    x, y = outputs()
    p = softmax(x.astype(float))
    a, b = quality(x, y, "logits", 5), quality(p, y, "probabilities", 5)
    c = quality(np.log(p), y, "log_probabilities", 5)
    assert a.accuracy == b.accuracy == c.accuracy
    assert a.loss == pytest.approx(b.loss, rel=1e-5)
    assert a.loss == pytest.approx(c.loss, rel=1e-9)


@pytest.mark.parametrize("shape", [(6, 1), (6,)])
def test_one_sigmoid_unit_tells_two_classes(shape):
    z = np.array([-3, -1, 2, 4, -2, 1], np.float32)
    y = np.array([0, 1, 1, 1, 0, 0])
    p = 1 / (1 + np.exp(-z.astype(float)))
    logit, unit = quality(z.reshape(shape), y, "sigmoid_logit", 2), quality(p.reshape(shape), y, "sigmoid", 2)
    assert logit.accuracy == unit.accuracy == pytest.approx(4 / 6)
    assert logit.loss == pytest.approx(metrics.log_loss(y, p))
    assert unit.loss == pytest.approx(logit.loss)
    assert logit.recall_per_class == pytest.approx((2 / 3, 2 / 3))


def test_huge_logits_neither_overflow_nor_warn():
    x = np.array([[1e30, -1e30], [-1e30, 1e30]], np.float32)
    found = quality(x, np.array([0, 0]), "logits", 2)
    assert found.accuracy == 0.5
    assert found.loss == pytest.approx(1e30, rel=1e-5)


def test_a_zero_probability_costs_a_finite_loss():
    assert quality(np.array([[0.0, 1.0]]), np.array([0]), "probabilities", 2).loss == pytest.approx(-np.log(1e-7))


def test_nan_outputs_are_wrong_and_leave_no_nan():
    x, y = outputs(classes=3)
    y = y % 3
    x[:100] = np.nan
    found = quality(x, y, "logits", 3)
    assert found.loss is None
    assert found.accuracy == pytest.approx(np.mean(x[100:].argmax(axis=1) == y[100:]) / 2)
    assert not np.isnan([found.precision, found.recall, found.f1, *found.recall_per_class]).any()


def test_a_class_without_samples_has_no_recall():
    found = quality(np.eye(3)[[0, 0, 1]], np.array([0, 0, 1]), "probabilities", 3)
    assert found.recall_per_class == (1.0, 1.0, None)
    assert found.recall == found.precision == found.f1 == 1.0


def test_no_samples_give_zeros():
    found = quality(np.zeros((0, 3)), np.zeros(0, np.int64), "logits", 3)
    assert (found.accuracy, found.f1, found.loss, found.recall_per_class) == (0.0, 0.0, None, (None, None, None))


def test_outputs_of_another_width_are_refused_with_a_sentence():
    with pytest.raises(BadModel, match="gives 4 values a sample"):
        quality(np.zeros((2, 4)), np.array([0, 1]), "logits", 3)
    with pytest.raises(BadSetting, match="no kind of output"):
        quality(np.zeros((2, 3)), np.array([0, 1]), "odds", 3)
