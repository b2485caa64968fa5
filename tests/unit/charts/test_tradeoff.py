"""Accuracy against size: which rows are drawn, and that nothing moves that need not."""

from dataclasses import replace

import pytest

from core.charts.axes import AXES
from core.charts.theme import LIGHT
from core.charts.tradeoff import dense_quality, front, sinks, tradeoff_rows
from core.jobs.job import JobState


def of_kind(rows, kind):
    return [row for row in rows if row["kind"] == kind]


def frame(rows):
    return [(row["x"], row["y"]) for row in of_kind(rows, "frame")]


def test_without_measurements_there_is_nothing_to_draw(made):
    assert tradeoff_rows([], "parameters") == []
    assert tradeoff_rows(made.lines((made.run("a", JobState.QUEUED), [])), "parameters") == []


def test_a_run_is_a_line_from_dense_to_its_latest_state(made):
    rows = of_kind(tradeoff_rows(made.lines((made.run("a"), made.history())), "parameters"), "point")
    assert [(row["x"], row["y"], row["order"]) for row in rows] == [
        (1000, 0.99, 0),
        (100, 0.6, 1),
        (100, 0.9, 2),
        (100, 0.97, 3),
    ]
    assert [row["end"] for row in rows] == [False, False, False, True]


def test_only_the_end_of_a_run_that_goes_on_carries_a_ring(made):
    lines = made.lines((made.run("a"), made.history()), (made.run("b", JobState.RUNNING, 1), made.history()))
    growing = [(row["run"], row["order"]) for row in tradeoff_rows(lines, "parameters") if row["growing"]]
    assert growing == [("b", 3)]


@pytest.mark.parametrize(("axis", "dense", "pruned"), [("parameters", 1000, 100), ("macs", 5000, 500)])
def test_the_axis_chooses_what_size_means(made, axis, dense, pruned):
    rows = of_kind(tradeoff_rows(made.lines((made.run("a"), made.history())), axis), "point")
    assert (rows[0]["x"], rows[-1]["x"]) == (dense, pruned)


def test_sparsity_is_plotted_as_the_share_kept_and_said_as_sparsity(made):
    last = of_kind(tradeoff_rows(made.lines((made.run("a"), made.history())), "sparsity"), "point")[-1]
    assert last["x"] == pytest.approx(0.1)
    assert last["size"].startswith("90.0")


def test_a_state_whose_size_was_not_measured_is_left_out(made):
    events = [
        made.point(1, "dense", 0, made.measured(0.99, 1000)),
        made.point(2, "pruned", 0, made.measured(0.6, 100, 0.9, None)),
    ]
    assert len(of_kind(tradeoff_rows(made.lines((made.run("a"), events)), "zipped"), "point")) == 1


def test_hiding_the_controls_does_not_move_the_axes(made):
    random = made.run("r", created=1, plan=replace(made.plan, criterion="random"))
    lines = made.lines((made.run("a"), made.history()), (random, made.history(0.2, 20)))
    with_controls, without = (tradeoff_rows(lines, "parameters", with_controls=shown) for shown in (True, False))
    assert frame(with_controls) == frame(without)
    assert {row["run"] for row in of_kind(without, "point")} == {"a"}


def test_the_axes_only_ever_grow_while_a_run_goes_on(made):
    events, seen = made.history(), []
    for known in range(1, 5):
        corners = frame(tradeoff_rows(made.lines((made.run("a", JobState.RUNNING), events[:known])), "parameters"))
        seen.append(corners)
    for (small, large), (smaller, larger) in zip(seen[:-1], seen[1:], strict=True):
        assert smaller[0] <= small[0] and larger[0] >= large[0]
        assert smaller[1] <= small[1] and larger[1] >= large[1]


def test_near_dense_draws_lower_states_on_the_floor_but_tells_what_they_are(made):
    rows = tradeoff_rows(made.lines((made.run("a"), made.history())), "parameters", near=True)
    assert sinks(rows) and [row["sunk"] for row in of_kind(rows, "point")] == [False, True, False, False]
    pruned = of_kind(rows, "point")[1]
    assert pruned["y"] == pytest.approx(0.89)
    assert pruned["accuracy"].startswith("60.00")


def test_controls_are_grey_and_lie_below(made):
    dense = made.run("d", created=2, plan=replace(made.plan, sparsity=0.0))
    rows = of_kind(
        tradeoff_rows(made.lines((made.run("a"), made.history()), (dense, made.history()[:1])), "parameters"), "point"
    )
    assert rows[0]["run"] == "d"
    assert rows[0]["colour"] == LIGHT.control
    assert rows[-1]["colour"] == LIGHT.series[0]


def test_the_front_keeps_what_nothing_beats_in_both():
    ends = [(1000, 0.99, "dense"), (100, 0.97, "good"), (100, 0.9, "worse"), (200, 0.95, "beaten"), (20, 0.5, "small")]
    assert [name for *_, name in front(ends)] == ["dense", "good", "small"]


@pytest.mark.parametrize(("state", "counts"), [(JobState.DONE, True), (JobState.RUNNING, True), (JobState.LOST, False)])
def test_only_runs_that_end_in_a_model_make_the_front(made, state, counts):
    rows = tradeoff_rows(made.lines((made.run("a", state), made.history())), "parameters")
    assert ((100, 0.97) in [(row["x"], row["y"]) for row in of_kind(rows, "front")]) is counts


def test_the_rule_is_the_dense_model_on_the_same_split(made):
    lines = made.lines((made.run("a"), made.history()))
    assert dense_quality(lines) == 0.99
    assert of_kind(tradeoff_rows(lines, "parameters"), "dense")[0]["label"] == "dense 99.00\N{NO-BREAK SPACE}%"


def test_every_row_has_the_same_keys(made):
    rows = tradeoff_rows(made.lines((made.run("a"), made.history())), "parameters")
    assert len({frozenset(row) for row in rows}) == 1
    assert {"frame", "dense", "front", "point"} == {row["kind"] for row in rows}


def test_every_axis_has_words_for_its_labels():
    assert list(AXES) == ["parameters", "zipped", "macs", "sparsity"]
    assert all(axis.title and axis.short and "datum.value" in axis.labels for axis in AXES.values())
