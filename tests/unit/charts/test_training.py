"""Curves of a run, and the staircase drawn before it starts."""

from dataclasses import replace

from core.charts.schedule import schedule_rows
from core.charts.training import training_rows
from core.jobs.job import Event
from core.plan import ScheduleChoice
from core.schedules import SCHEDULES


def of_kind(rows, kind):
    return [row for row in rows if row["kind"] == kind]


def test_nothing_is_drawn_before_something_was_measured(made):
    assert training_rows([Event(1, "a", 0.0, "started", {})], made.plan, "loss") == []


def test_training_and_validation_are_two_series_over_the_same_epochs(made):
    rows = of_kind(training_rows([made.epoch(1, 1), made.epoch(2, 2)], made.plan, "loss"), "epoch")
    assert [(r["series"], r["epoch"], r["value"]) for r in rows] == [
        ("training", 1, 0.5),
        ("training", 2, 0.5),
        ("validation", 1, 0.4),
        ("validation", 2, 0.4),
    ]


def test_an_epoch_that_a_continued_run_repeats_is_drawn_once(made):
    rows = training_rows([made.epoch(1, 1, 0.5), made.epoch(2, 1, 0.9)], made.plan, "accuracy")
    assert [r["value"] for r in of_kind(rows, "epoch")] == [0.9, 0.9]


def test_the_axis_is_as_long_as_the_plan_from_the_start(made):
    plan = replace(made.plan, schedule=ScheduleChoice("cubic", 5, 3))
    rows = training_rows([made.epoch(1, 1)], plan, "loss")
    assert [r["epoch"] for r in of_kind(rows, "frame")] == [0, 14]


def test_a_pruning_step_lies_after_the_epoch_before_it(made):
    pruned = Event(3, "a", 0.0, "pruned", {"step": 2, "steps": 4, "sparsity": 0.5})
    step = of_kind(training_rows([made.epoch(1, 1), made.epoch(2, 2), pruned], made.plan, "accuracy"), "step")[0]
    assert (step["epoch"], step["text"]) == (2, "step 2 of 4: 50.0\N{NO-BREAK SPACE}% gone")


def test_what_was_not_measured_is_left_out(made):
    blind = replace(made.epoch(1, 1), data={**made.epoch(1, 1).data, "loss": None})
    assert {r["series"] for r in of_kind(training_rows([blind], made.plan, "loss"), "epoch")} == {"validation"}


def test_the_staircase_rises_at_each_step_and_ends_at_what_was_asked():
    rows = schedule_rows(SCHEDULES["cubic"].amounts(0.9, 3), epochs_between=2, epochs_after=4)
    assert [(r["epoch"], r["jump"]) for r in rows] == [(0, False), (0, True), (2, True), (4, True), (8, False)]
    shares = [r["sparsity"] for r in rows]
    assert shares == sorted(shares) and shares[-1] == 0.9


def test_pruning_without_fine_tuning_still_has_a_width():
    assert schedule_rows([0.5], 1, 0)[-1]["epoch"] == 1
    assert schedule_rows([], 1, 0) == []
