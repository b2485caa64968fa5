"""Networks and data that go together, or say why not; what counts as better; what classes weigh."""

from dataclasses import replace

import numpy as np
import pytest

from core.course._lessons import class_weights
from core.course._ranking import rank
from core.datasets import load
from core.errors import BadSetting, WrongLabels
from core.graph import Graph, Node, Op
from core.matching import matched, tokens
from core.measurement import Measurement
from core.plan import DataChoice
from tests.unit.training.conftest import clusters, parts_of, recovering
from tests.unit.training.tiny_network import tiny


def values(width=1):
    sets = [(x, np.repeat(x[:, :1] * 0.5, width, axis=1)) for x, _ in (clusters(n, n) for n in (80, 40, 41))]
    return replace(parts_of(*sets), task="values", classes=())


def test_data_with_values_makes_plain_numbers_a_regression():
    model, parts = matched(tiny(classes=1), values())
    assert (model.output, parts.task) == ("regression", "values")


@pytest.mark.parametrize(
    ("model", "told", "said"),
    [
        (tiny(classes=3), False, "gives 3 values a sample, but .* one target for each"),
        (tiny(classes=1, output="sigmoid"), False, 'tells 1 classes apart \\("sigmoid"\\)'),
        (tiny(classes=3, output="probabilities"), False, "has values for targets, such as"),
        (tiny(classes=1), True, "Choose a network for a regression"),
    ],
)
def test_a_network_of_classes_does_not_take_values(model, told, said):
    with pytest.raises(WrongLabels, match=said):
        matched(model, values(), told=told)


def test_whole_numbers_are_values_where_that_was_told(parts):
    model, found = matched(tiny(classes=1, output="regression"), replace(parts, classes=("0", "1", "2")), told=True)
    assert (model.output, found.task, found.y_train.shape) == ("regression", "values", (90, 1))
    with pytest.raises(WrongLabels, match="words for labels"):
        matched(tiny(classes=1, output="regression"), parts, told=True)


def test_a_regression_is_prepared_pruned_and_recovered(carried_out, plan):
    model, parts = matched(tiny(classes=1), values())
    prepared = replace(plan, preparation=replace(plan.preparation, epochs=15))
    result = carried_out(recovering(prepared, "fine-tune", epochs=8, learning_rate=0.03), model=model, parts=parts)
    assert result.before.accuracy is None
    assert result.after.r2 > 0.6
    assert result.to_dict()["after"]["r2"] == result.after.r2


@pytest.mark.parametrize(
    ("changes", "said"), [({"target": "f1_macro"}, "no F1"), ({"class_weights": True}, "no classes")]
)
def test_what_only_classes_have_is_refused(carried_out, plan, changes, said):
    model, parts = matched(tiny(classes=1), values())
    with pytest.raises(BadSetting, match=said):
        carried_out(recovering(plan, "fine-tune", **changes), model=model, parts=parts)


@pytest.mark.parametrize("name", ["diabetes", "sine"])
def test_registered_regressions_have_something_to_learn(name):
    parts = load(DataChoice(name))
    x, y = (np.concatenate([parts.split(part)[i] for part in ("train", "test")]) for i in (0, 1))
    x = np.hstack([x, x**3, np.ones((len(x), 1))])
    solution = np.linalg.lstsq(x, y, rcond=None)[0]
    assert 1 - np.square(x @ solution - y).sum() / np.square(y - y.mean()).sum() > 0.4


def test_tokens_are_known_by_the_embedding_that_looks_them_up():
    nodes = (
        Node("words", Op.INPUT, (), (6,)),
        Node("turned", Op.RESHAPE, ("words",), (2, 3)),
        Node("numbers", Op.INPUT, (), (3,)),
        Node("embed", Op.EMBEDDING, ("turned",), (2, 3, 8), "embed"),
        Node("fc", Op.LINEAR, ("numbers",), (4,), "fc"),
    )
    assert tokens(Graph(nodes, {"embed.embedding": (12, 8), "fc.kernel": (4, 3)}, {})) == (12, None)


def test_class_weights_by_hand():
    labels = np.array([0] * 6 + [1] * 2 + [3] * 2)
    np.testing.assert_allclose(class_weights(labels, 5), [10 / 18, 10 / 6, 1, 10 / 6, 1])
    assert class_weights(labels, 5)[labels].mean() == pytest.approx(1)


def measured(**fields):
    return Measurement("validation", 9, 9, **fields)


def test_the_better_network_ranks_higher_by_every_target():
    one, other = measured(accuracy=0.9, f1_macro=0.5, loss=0.4), measured(accuracy=0.8, f1_macro=0.7, loss=0.3)
    assert rank(one, "auto") > rank(other, "auto")
    assert rank(one, "accuracy") > rank(other, "accuracy")
    assert rank(one, "f1_macro") < rank(other, "f1_macro")
    assert rank(one, "loss") < rank(other, "loss")
    assert rank(measured(r2=-3.0, loss=2.0), "auto") < rank(measured(r2=0.1, loss=1.0), "auto")


@pytest.mark.parametrize("target", ["auto", "accuracy", "f1_macro", "loss"])
def test_a_network_that_diverged_is_worse_than_any(target):
    worst = measured(accuracy=0.9, f1_macro=0.9, loss=None)
    assert rank(worst, target) < rank(measured(r2=-1e9, loss=1e9), target)
    assert rank(measured(loss=None), target) < rank(measured(accuracy=0.0, f1_macro=0.0, loss=1e9), target)
