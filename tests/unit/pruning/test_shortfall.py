"""A run says what it was asked and could not give."""

from dataclasses import replace

import pytest

from core.graph import Graph, Node, Op
from core.plan import Budget, DataChoice, Limits, Override, Plan
from core.pruning import Decision
from core.shortfall import left_whole, shortfall

PLAN = Plan("m", DataChoice("digits"), sparsity=0.8)


def went(units, of=100):
    return Decision({}, {"l.kernel": units}, {"l.kernel": of})


def test_nothing_is_said_where_everything_went():
    assert shortfall(PLAN, went(80)) == ""
    assert shortfall(replace(PLAN, structure="2:4", sparsity=0.5), went(100)) == ""


def test_a_pattern_says_how_much_it_takes():
    assert "at most 50%" in shortfall(replace(PLAN, structure="2:4"), went(100))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"limits": Limits(most=0.6)}, "limits hold back"),
        ({"overrides": {"l.kernel": Override(excluded=True)}}, "left out"),
        ({}, "only whole units"),
    ],
)
def test_the_reason_is_named(changes, reason):
    told = shortfall(replace(PLAN, **changes), went(60))
    assert "80.0% was asked for and 60.0% went" in told and reason in told


def test_where_something_else_decides_nothing_is_missing():
    assert shortfall(replace(PLAN, budget=Budget("parameters", 5)), went(1)) == ""
    assert shortfall(replace(PLAN, allocation="thresholds"), went(1)) == ""


def test_what_the_criterion_cannot_rank_is_named():
    """Scales rank the channels of the first layer; the second has none."""
    arrays = {"a.kernel": (4, 3), "bn.scale": (4,), "bn.shift": (4,), "b.kernel": (5, 4), "c.kernel": (2, 5)}
    nodes = (
        Node("x", Op.INPUT, (), (3,)),
        Node("a", Op.LINEAR, ("x",), (4,), "a"),
        Node("n", Op.BATCH_NORM, ("a",), (4,), "bn", {"channel_axis": 0}),
        Node("b", Op.LINEAR, ("n",), (5,), "b"),
        Node("c", Op.LINEAR, ("b",), (2,), "c"),
        Node("y", Op.OUTPUT, ("c",), (2,)),
    )
    graph, scales = Graph(nodes, arrays, {}), replace(PLAN, structure="channel", criterion="bn_scale")
    assert 'cannot rank b: left whole. Of "b", ' in left_whole(scales, graph)
    assert (
        left_whole(replace(scales, criterion="l1_norm"), graph)
        == left_whole(replace(scales, sparsity=0.0), graph)
        == ""
    )
