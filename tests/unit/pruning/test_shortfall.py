"""A run says what it was asked and could not give."""

from dataclasses import replace

import pytest

from core.plan import Budget, DataChoice, Limits, Override, Plan
from core.pruning import Decision
from core.shortfall import shortfall

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
