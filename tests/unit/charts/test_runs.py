"""Runs in words, colours and table rows; what they are compared with."""

from dataclasses import replace

import pytest

from core.charts.achieved import Achieved
from core.charts.runs import moving, points, state_line, story, title, titles
from core.charts.shrink import bars, quality_line
from core.charts.table import FULL, dense_entry, entries
from core.charts.theme import LIGHT
from core.charts.words import amount, brief, count, duration, milliseconds, percent, plan_line, pruning_line, size
from core.charts.words import points as difference
from core.controls import Role, controls, role, total_epochs
from core.jobs.job import JobState
from core.plan import DataChoice, Override, Plan, Preparation, Recovery, ScheduleChoice, Sharing


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_numbers_are_rounded_to_what_is_known_and_carry_their_unit():
    assert plain(percent(0.96211)) == "96.2 %"
    assert difference(-0.029) == "−2.9"
    assert difference(0.00001) == "±0"
    assert count(78474) == "78,474"
    assert plain(size(412_345)) == "412 kB"
    assert plain(amount(2_990_000)) == "2.99 M"
    assert plain(milliseconds(1.3, 0.08)) == "1.30 ± 0.04 ms"
    assert [duration(s) for s in (9, 70, 3720)] == ["9 s", "1 min 10 s", "1 h 02 min"]
    assert {percent(None), size(None), amount(None), milliseconds(None), duration(None)} == {"–"}


def test_a_plan_is_one_line(made):
    plan = replace(made.plan, schedule=ScheduleChoice("cubic", 5, 2))
    assert plain(plan_line(plan)) == (
        "magnitude, unstructured, global 90.0 % in 5 cubic steps; "
        "8 between steps and 2 epochs of adam at 0.001, batches of 64, seed 0"
    )
    assert plan_line(replace(plan, sparsity=0.0)).startswith("nothing pruned")


def test_controls_train_as_long_and_prune_nothing_or_at_random(made):
    plan = replace(made.plan, schedule=ScheduleChoice("cubic", 5, 2))
    dense, random = controls(plan)
    assert (role(plan), role(dense), role(random)) == (Role.PRUNED, Role.DENSE, Role.RANDOM)
    assert total_epochs(dense) == total_epochs(plan) == 10
    assert random == replace(plan, criterion="random")


def test_controls_need_no_controls_of_their_kind(made):
    dense, random = controls(made.plan)
    assert controls(dense) == ()
    assert [role(plan) for plan in controls(random)] == [Role.DENSE]
    assert [role(plan) for plan in controls(replace(made.plan, recovery=Recovery()))] == [Role.RANDOM]


def test_at_random_goes_as_much_as_a_threshold_on_the_scores_took():
    """Half of random scores lie below their mean, 29 % below their deviation, whatever the criterion took."""
    below = Plan("m", DataChoice("iris"), allocation="mean")
    assert controls(below) == ()
    (random,) = controls(below, units=0.625)
    assert (random.criterion, random.allocation, random.sparsity) == ("random", "global", 0.625)
    (random,) = controls(replace(below, allocation="deviations", sharing=Sharing(deviations=1.0)), units=0.7)
    assert (random.allocation, random.sparsity, random.sharing) == ("global", 0.7, Sharing())
    dragged = replace(below, allocation="thresholds", overrides={"a.kernel": Override(threshold=0.1)})
    assert controls(dragged, units=0.2) == ()
    counted = replace(dragged, overrides={"a.kernel": Override(count=3, threshold=0.1)})
    assert controls(counted) == (replace(counted, criterion="random"),)


def test_what_is_measured_again_replaces_the_old(made):
    events = [made.point(1, "epoch", 1, made.measured(0.5, 100)), made.point(2, "epoch", 1, made.measured(0.9, 100))]
    assert [p.measurement.accuracy for p in points(events)] == [0.9]


def test_colours_follow_the_order_of_creation_and_controls_take_none(made):
    random = made.run("r", created=1, plan=replace(made.plan, criterion="random"))
    lines = made.lines((made.run("b", created=2), []), (random, []), (made.run("a"), []))
    assert [(line.run.id, line.colour) for line in lines] == [
        ("a", LIGHT.series[0]),
        ("r", LIGHT.control),
        ("b", LIGHT.series[1]),
    ]


@pytest.mark.parametrize("state", [s for s in JobState if s.continuable])
def test_a_run_that_did_not_reach_its_end_is_explained_with_a_way_on(made, state):
    assert "Continue" in story(made.run("a", state))


def test_a_finished_run_needs_no_story(made):
    assert story(made.run("a")) == ""
    assert "disk" in story(made.run("a", JobState.FAILED, reason="The disk is full."))


def test_a_running_run_says_how_far_it_is_and_how_long_it_takes(made):
    run = made.run("a", JobState.RUNNING, text="Fine-tuning, epoch 8 of 12", eta=70.0)
    assert state_line(run) == "epoch 8 of 12 · 1 min 10 s left"
    assert state_line(replace(run, asked="pause")) == "pausing"
    assert state_line(replace(run, asked="pause", state=JobState.PAUSED)) == "paused"
    assert state_line(replace(run, asked="cancel")) == "stopping"
    assert state_line(made.run("b", JobState.DONE, started=10.0, ended=80.0)) == "done in 1 min 10 s"


def test_the_page_keeps_looking_only_while_something_can_change(made):
    assert moving([made.run("a"), made.run("b", JobState.QUEUED)])
    assert not moving([made.run("a"), made.run("b", JobState.PAUSED, asked="pause")])
    assert moving([made.run("b", JobState.PAUSED, asked="cancel")])


def test_the_table_has_a_cell_for_every_column_newest_first(made):
    lines = made.lines((made.run("a"), made.history()), (made.run("b", JobState.RUNNING, 1, progress=0.5), []))
    rows = entries(lines)
    assert [(row.id, row.bar) for row in rows] == [("b", 0.5), ("a", None)]
    assert {column.name for column in FULL} - {"run"} <= set(rows[0].cells)
    assert rows[1].cells["validation"].value == 0.97
    assert rows[0].cells["validation"].value is None


def test_the_dense_model_is_the_first_row_once_it_was_measured(made):
    assert dense_entry(made.lines((made.run("a"), [])), "#000000") is None
    entry = dense_entry(made.lines((made.run("a"), made.history())), "#000000")
    assert entry is not None and entry.cells["validation"].value == 0.99
    trained = replace(made.plan, preparation=Preparation(3))
    ended = made.run("b", plan=trained, before=made.measured(0.95, 1000), after=made.measured(0.9, 100))
    entry = dense_entry(made.lines((ended, made.history())), "#000000")
    assert entry is not None and entry.cells["test"].value is None, "that was measured after training"


def test_speed_is_told_against_the_dense_model_timed_in_the_same_minute(made):
    before, after = (replace(made.measured(0.99, 1000), latency_ms=ms) for ms in (2.0, 1.5))
    [row] = entries(made.lines((made.run("a", before=before, after=after), made.history())))
    assert row.cells["pace"].text == "0.75"
    [untimed] = entries(made.lines((made.run("a"), made.history())))
    assert untimed.cells["pace"].value is None


def test_what_is_left_is_told_as_shares_of_the_dense_model(made):
    before, after = made.measured(0.99, 1000), made.measured(0.97, 100, 0.9, 200)
    shares = {bar.name: bar.share for bar in bars(before, after)}
    assert shares["parameters"] == pytest.approx(0.1) and shares["file, zipped"] == pytest.approx(0.2)
    assert "latency" not in shares
    assert plain(quality_line(before, after)) == "97.0 % on validation, −2.0 points from 99.0 %"


def test_a_title_names_what_was_achieved_never_what_was_asked(made):
    by_hand = replace(made.plan, sparsity=0.0, overrides={"fc1.kernel": Override(count=5)})
    line = made.lines((made.run("a", plan=by_hand), made.history()))[0]
    assert plain(title(line.run)) == "magnitude, by hand"
    assert plain(title(line.run, line.achieved)) == "magnitude 90 %"
    assert plain(pruning_line(by_hand, line.achieved)) == "magnitude, unstructured, 90.0 %, 1 layer set by hand"
    channels = replace(made.plan, structure="channel", sparsity=0.5)
    assert plain(title(made.run("b", plan=channels))) == "magnitude, 50 % of channels"
    assert plain(title(made.run("b", plan=channels), Achieved(0.722))) == "magnitude, channels, 72.2 % of weights"
    assert plain(pruning_line(channels, Achieved(0.722))) == (
        "magnitude, channels, global 50.0 % of channels asked, 72.2 % of the weights"
    )


def test_a_gradual_run_says_how_far_it_has_come(made):
    plan = replace(made.plan, schedule=ScheduleChoice("cubic", 5, 2))
    line = made.lines((made.run("a", JobState.RUNNING, plan=plan), made.history()))[0]
    assert line.achieved == Achieved(0.9, final=False)
    assert plain(pruning_line(plan, Achieved(0.45, final=False))).endswith("90.0 % in 5 cubic steps, 45.0 % so far")


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.9, "90 %"), (0.9481, "94.8 %"), (0.9999, "99.99 %"), (0.999999, "over 99.99 %"), (1, "100 %")],
)
def test_a_title_never_says_all_where_something_is_left(share, said):
    assert plain(brief(share)) == said


def test_layers_left_out_prune_nothing(made):
    plan = replace(made.plan, sparsity=0.0, overrides={"fc1.kernel": Override(excluded=True)})
    assert role(plan) is Role.DENSE


def test_runs_of_one_title_are_told_apart_where_one_is_chosen(made):
    runs = [replace(made.run(id), id=id, name=name) for id, name in (("c", "a"), ("b", "b"), ("a", "a"))]
    assert titles(runs) == {"c": "a (2)", "b": "b", "a": "a"}
