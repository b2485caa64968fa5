"""Steps of a schedule towards an end that is given, or found: an amount, fixed counts, thresholds, a budget."""

import numpy as np
import pytest

from core.backends._base import no_poll
from core.budgets import BUDGETS, Left
from core.errors import BadSetting
from core.plan import Budget, Override, ScheduleChoice, Sharing
from core.pruning import Decision
from core.steps import Step

SIZES = {"a.kernel": 80, "b.kernel": 60}


@pytest.fixture
def network(sketch, filled):
    sketch.input(8)
    sketch.linear("a", 10, bias=False)
    sketch.linear("b", 6, bias=False)
    return filled(sketch.drawn())


def removed(network, plan) -> list[dict[str, int]]:
    found, before = [], Decision({}, {}, {})
    for number in range(1, plan.schedule.steps + 1):
        plan, before = Step(number, network.graph(), before, None).decide(plan, lambda: network, None, no_poll)
        found.append(dict(before.removed))
    return found


def test_every_step_removes_what_the_schedule_says(network, planned):
    plan = planned(sparsity=0.75, schedule=ScheduleChoice("exponential", steps=2))
    assert [sum(step.values()) for step in removed(network, plan)] == [70, 105]


def test_the_initial_sparsity_is_where_it_begins(network, planned):
    plan = planned(sparsity=0.8, allocation="uniform", schedule=ScheduleChoice("linear", steps=3, initial=0.5))
    assert [step["a.kernel"] for step in removed(network, plan)] == [48, 56, 64]


def test_fixed_counts_follow_the_schedule_each_towards_its_own_end(network, planned):
    """60 of 80 by density: 1 - (1/4)^(1/2) = a half after the first of two steps; 15 of 60: 1 - (3/4)^(1/2)."""
    overrides = {"a.kernel": Override(count=60), "b.kernel": Override(count=15)}
    plan = planned(overrides=overrides, allocation="thresholds", schedule=ScheduleChoice("exponential", steps=2))
    assert removed(network, plan) == [{"a.kernel": 40, "b.kernel": 8}, {"a.kernel": 60, "b.kernel": 15}]


def test_thresholds_of_an_allocations_own_are_gone_towards(network, planned):
    sharing = Sharing(deviations=1.0)
    plan = planned(allocation="deviations", sharing=sharing, schedule=ScheduleChoice("iterative", steps=2))
    first, last = removed(network, plan)
    for name in SIZES:
        weight = network.values[name]
        assert last[name] == (np.abs(weight) < weight.std()).sum()
        assert first[name] == round(last[name] / 2)


def test_a_budget_is_gone_towards_and_met_in_the_end(network, planned):
    plan = planned(budget=Budget("parameters", 50), schedule=ScheduleChoice("iterative", steps=3))
    steps = [sum(step.values()) for step in removed(network, plan)]
    assert steps == pytest.approx([30, 60, 90], abs=2)
    assert steps[-1] == 140 - 50
    _, decision = Step(3, network.graph(), Decision({}, {}, {}), None).decide(plan, lambda: network, None, no_poll)
    assert BUDGETS["parameters"].cost(Left(network, network.graph(), network.values, decision)) == 50


def test_a_schedule_without_steps_takes_one(network, planned):
    plan = planned(sparsity=0.5, schedule=ScheduleChoice("rigl", steps=1))
    assert [sum(step.values()) for step in removed(network, plan)] == [70]


@pytest.mark.parametrize("schedule", ["rigl", "dns"])
def test_what_regrows_single_weights_refuses_channels_in_one_sentence(network, planned, schedule):
    plan = planned(structure="channel", sparsity=0.5, schedule=ScheduleChoice(schedule))
    with pytest.raises(BadSetting, match=f'"{schedule}" regrows single weights'):
        removed(network, plan)


def test_a_threshold_becomes_a_count_at_the_first_step(network, planned):
    plan = planned(allocation="thresholds", overrides={"a.kernel": Override(threshold=0.5)})
    settled, decision = Step(1, network.graph(), Decision({}, {}, {}), None).decide(
        plan, lambda: network, None, no_poll
    )
    count = int((np.abs(network.values["a.kernel"]) < 0.5).sum())
    assert settled.overrides["a.kernel"] == Override(count=count, threshold=0.5)
    assert decision.removed["a.kernel"] == count
