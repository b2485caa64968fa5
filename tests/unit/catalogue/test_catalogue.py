"""Every method in words, and what follows from choosing one."""

from dataclasses import replace

import pytest

from core.catalogue import CONTROL, FAMILIES, MEASURED, family, methods, needs, ranking, relative, structures_of
from core.criteria import CRITERIA, Need
from core.edits import decided, dense, limited, ranked, unlimited, with_criterion, with_schedule, with_structure
from core.plan import Budget, DataChoice, Limits, Override, Plan, Sharing
from core.structures import STRUCTURES

PLAN = Plan("sample:digits-lenet5", DataChoice("digits"), sparsity=0.8)


def test_every_need_is_in_one_family():
    known = [need for needs in FAMILIES.values() for need in needs]
    assert sorted(known) == sorted(need.value for need in Need)


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA)
def test_every_criterion_has_a_family_and_says_what_it_needs(criterion):
    assert family(criterion) in {*FAMILIES, MEASURED, CONTROL}
    assert needs(criterion)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_exactly_the_criteria_that_rank_a_structure_are_offered_family_by_family(structure):
    names = ranking(structure)
    assert set(names) == {name for name, one in CRITERIA.items() if one.ranks(structure)}
    families = [family(CRITERIA[name]) for name in names]
    assert families == sorted(families, key=[*FAMILIES, MEASURED, CONTROL].index)


def test_the_table_has_every_entry_of_every_registry():
    told = {(method.kind, method.name) for method in methods()}
    assert {("criterion", name) for name in CRITERIA} <= told
    assert {("structure", name) for name in STRUCTURES} <= told
    assert all(method.what and method.frameworks == "PyTorch, Keras" for method in methods())


def test_a_relative_of_a_preset_stands_behind_its_family():
    assert relative(STRUCTURES["2:4"], 1, 8) == "2:8"
    assert relative(STRUCTURES["block-1x4"], 0, 3) == "block-3x4"
    names = structures_of(replace(PLAN, structure="3:7"))
    assert names[names.index("3:7") - 1] == "4:8"
    assert structures_of(PLAN) == list(STRUCTURES)


def test_2_4_decides_its_sparsity_and_gives_it_back():
    plan = with_structure(replace(PLAN, overrides={"fc1.kernel": Override(count=3)}), "2:4")
    assert (plan.sparsity, plan.overrides) == (0.5, {})
    assert decided(plan) == "2:4 takes 50 %"
    assert with_structure(plan, "unstructured").sparsity == 0


def test_a_structure_brings_a_criterion_that_ranks_it():
    plan = with_structure(replace(PLAN, criterion="contribution"), "channel")
    assert CRITERIA[plan.criterion].ranks("channel")
    assert with_structure(PLAN, "channel").criterion == "magnitude"


def test_counts_outlive_another_criterion_thresholds_do_not():
    plan = replace(PLAN, overrides={"a": Override(count=7, threshold=0.1), "b": Override(excluded=True)})
    assert with_criterion(plan, "taylor").overrides == {"a": Override(count=7), "b": Override(excluded=True)}


def test_a_schedule_with_steps_starts_with_five_and_one_without_has_one():
    gradual = with_schedule(PLAN, "cubic")
    assert gradual.schedule.steps == 5
    assert with_schedule(gradual, "one-shot").schedule.steps == 1
    assert with_schedule(PLAN, "rigl").schedule.interval < 63, "three quarters of five epochs of the digits"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"budget": Budget("macs", 1000.0)}, "found for the budget"),
        ({"allocation": "thresholds"}, "thresholds per layer"),
        ({"allocation": "mean"}, "below the average"),
        ({"allocation": "deviations"}, ""),
        ({"allocation": "deviations", "sharing": Sharing(deviations=1.0)}, "multiples of the deviation"),
    ],
)
def test_what_decides_instead_of_the_sparsity_is_named(changes, said):
    assert decided(replace(PLAN, **changes)) == said


def test_limits_are_told_in_a_few_words_and_taken_back():
    plan = replace(PLAN, limits=Limits(most=0.95, least=4, multiple=8), sharing=Sharing(drawn=0.5, power=2.0))
    assert limited(plan) == ["at most 95 %", "keep 4", "× 8", "50 % drawn"]
    assert unlimited(plan).sharing == Sharing(power=2.0)
    assert limited(unlimited(plan)) == []


def test_scores_depend_on_nothing_that_is_cut():
    assert ranked(replace(PLAN, sparsity=0.3, allocation="erk", limits=Limits(most=0.5))) == ranked(PLAN)
    assert ranked(replace(PLAN, calibration="by_loss")) != ranked(PLAN)


def test_back_to_dense_takes_budget_and_hands_away():
    plan = replace(PLAN, overrides={"a": Override(count=1)}, budget=Budget("macs", 10.0))
    assert dense(plan) == replace(PLAN, sparsity=0.0)
