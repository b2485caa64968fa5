"""What every recovery and penalty promises."""

import importlib
import pkgutil

import numpy as np
import pytest

from core.errors import UnknownName
from core.graph import Graph, Node, Op
from core.penalties import PENALTIES
from core.plan import DataChoice, Plan, Preparation, Recovery
from core.recovery import RECOVERIES, Origin, Stage

REGISTRIES = {"core.penalties": PENALTIES, "core.recovery": RECOVERIES}
ITEMS = [item for registry in REGISTRIES.values() for item in registry.values()]
STAGES = [Stage(epochs, prepared, last) for epochs in (1, 4) for prepared in (0, 4, 9) for last in (False, True)]


@pytest.mark.parametrize("package", REGISTRIES)
def test_every_file_in_the_folder_is_registered(package):
    files = {m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__) if m.name[0] != "_"}
    assert {type(item).__module__.rsplit(".", 1)[1] for item in REGISTRIES[package].values()} == files


@pytest.mark.parametrize("package", REGISTRIES)
def test_a_name_nobody_knows_is_answered_with_those_that_are(package):
    with pytest.raises(UnknownName, match=next(iter(REGISTRIES[package]))):
        REGISTRIES[package]["nonsense"]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{type(item).__base__.__name__}-{item.name}")
def test_each_says_what_it_is_and_where_it_comes_from(item):
    assert item.name == item.name.lower()
    assert item.title[0].isupper()
    assert item.note.endswith((".", "?"))
    assert item.formula and item.reference


@pytest.fixture
def graph():
    arrays = {"a.kernel": (4, 3), "a.bias": (4,), "bn.scale": (4,), "bn.shift": (4,), "b.kernel": (2, 4)}
    nodes = (
        Node("x", Op.INPUT, (), (3,)),
        Node("a", Op.LINEAR, ("x",), (4,), "a"),
        Node("bn", Op.BATCH_NORM, ("a",), (4,), "bn"),
        Node("b", Op.LINEAR, ("bn",), (2,), "b"),
        Node("y", Op.OUTPUT, ("b",), (2,)),
    )
    return Graph(nodes, arrays, {})


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_a_penalty_pulls_only_at_arrays_of_the_network(penalty, graph):
    assert set(penalty.arrays(graph)) <= set(graph.arrays)


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_its_gradient_is_that_of_its_value_wherever_there_is_one(penalty):
    rng = np.random.default_rng(1)
    array = rng.standard_normal((3, 2, 2)).astype(np.float32)
    step = rng.standard_normal(array.shape).astype(np.float32) * np.float32(1e-3)
    expected = penalty.value(array + step) - penalty.value(array - step)
    assert 2 * float((penalty.gradient(array) * step).sum()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_at_zero_a_penalty_lets_go(penalty):
    zeros = np.zeros((3, 4), np.float32)
    assert not penalty.gradient(zeros).any()
    assert penalty.value(zeros) == 0


@pytest.mark.parametrize("method", RECOVERIES.values(), ids=RECOVERIES)
@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
@pytest.mark.parametrize("stage", STAGES, ids=str)
def test_rates_stay_between_zero_and_what_was_chosen(method, schedule, stage):
    recovery = Recovery(epochs=stage.epochs, learning_rate=0.5, rate_schedule=schedule, method=method.name)
    plan = Plan("m", DataChoice("iris"), recovery=recovery, preparation=Preparation(epochs=stage.prepared))
    rates = [method.rate(plan, epoch, stage) for epoch in range(stage.epochs)]
    assert all(0 < rate <= 0.5 for rate in rates)
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("method", RECOVERIES.values(), ids=RECOVERIES)
@pytest.mark.parametrize("last", [False, True])
def test_values_to_go_on_from_are_those_of_the_whole_network_or_none(method, last, graph):
    initial = {name: np.zeros(shape, np.float32) for name, shape in graph.arrays.items()}
    found = method.weights(Origin(graph, 0, initial, lambda: initial), Stage(1, 1, last))
    assert found is None or {name: a.shape for name, a in found.items()} == dict(graph.arrays)
