"""Train: settings that become the plan, runs that are started, stopped and explained."""

import json
import time
from dataclasses import replace

import pytest

from core.jobs.job import JobState
from core.measurement import Measurement
from core.plan import DataChoice, Override, Plan, Recovery
from pages.ui.choices import Choices, save
from pages.ui.services import engine, store

PLAN = Plan("sample:digits-lenet5@pytorch", DataChoice("digits"), sparsity=0.9, recovery=Recovery(epochs=3))


@pytest.fixture
def planned(workspace):
    """A workspace with a plan that prunes."""
    save(workspace, Choices(PLAN))
    return workspace


def ended(workspace: str, state: JobState, reason: str = "") -> str:
    """A run that ended so, without a process ever having been started."""
    run = store().add_run(PLAN, workspace, "", None)
    store().change(run, (JobState.QUEUED,), state=JobState.RUNNING)
    store().ended(run, state, reason)
    return run


def listed(app) -> list[dict]:
    """The rows of the list of runs."""
    tables = [json.loads(e.proto.json) for e in app.get("bidi_component") if "entries" in (e.proto.json or "")]
    return tables[0]["entries"] if tables else []


def keys(app) -> set[str]:
    return {button.key for button in app.button}


def test_without_a_model_it_sends_the_person_to_model(open_page, workspace):
    assert "Choose a model first." in [box.value for box in open_page(workspace, "train").info]


def test_without_a_run_it_says_what_to_do(open_page, planned):
    assert any("No run yet" in box.value for box in open_page(planned, "train").info)


def test_what_will_run_is_one_line(open_page, planned):
    said = " ".join(block.value for block in open_page(planned, "train").markdown)
    assert "magnitude, unstructured, global 90.0" in said and "3 epochs of adam" in said


def test_settings_become_the_plan_and_can_be_taken_back(open_page, planned, state):
    app = open_page(planned, "train")
    app.number_input(key="epochs").set_value(7).run()
    app.selectbox(key="optimiser").set_value("sgd").run()
    app.number_input(key="patience").set_value(2).run()
    recovery = state(app).plan.recovery
    assert (recovery.epochs, recovery.optimiser, recovery.patience) == (7, "sgd", 2)
    state(app).undo()
    assert state(app).plan.recovery.patience == 0


def test_a_gradual_schedule_asks_for_steps_and_one_shot_has_one(open_page, planned, state):
    app = open_page(planned, "train")
    app.get("button_group")[0].set_value("cubic").run()
    assert state(app).plan.schedule.steps == 5
    app.number_input(key="steps").set_value(8).run()
    assert state(app).plan.schedule.steps == 8
    app.get("button_group")[0].set_value("one-shot").run()
    assert state(app).plan.schedule.steps == 1
    assert "steps" not in {box.key for box in app.number_input}


def test_a_started_run_is_listed_and_can_be_cancelled_and_deleted(open_page, planned):
    app = open_page(planned, "train")
    app.text_input(key="run_name").set_value("first try").run()
    app.button(key="start_run").click().run()
    assert [row["title"] for row in listed(app)] == ["first try"]
    assert {"pause_run", "cancel_run"} <= keys(app)
    run = engine().list(planned)[0].id
    app.button(key="cancel_run").click().run()
    while not engine().get(run).state.finished:
        time.sleep(0.1)
    app.run()
    assert {"continue_run", "delete_run"} <= keys(app)
    app.button(key="delete_run").click().run()
    assert listed(app) == []


def test_controls_are_queued_beside(open_page, planned):
    app = open_page(planned, "train")
    app.button(key="add_controls").click().run()
    runs = engine().list(planned)
    for run in runs:
        engine().cancel(run.id)
    assert sorted((run.plan.sparsity, run.plan.criterion) for run in runs) == [(0.0, "magnitude"), (0.9, "random")]
    assert {run.plan.recovery.epochs for run in runs} == {3}


def test_a_lost_run_is_explained_and_offered_to_be_continued(open_page, planned):
    ended(planned, JobState.LOST, "Its process ended without a word.")
    app = open_page(planned, "train")
    said = app.warning[0].value
    assert "ended without a word" in said and "Nothing that was measured is lost" in said
    assert "continue_run" in keys(app)


def test_the_run_in_the_url_is_the_open_one(open_page, planned):
    first = ended(planned, JobState.FAILED, "First reason.")
    time.sleep(0.005)  # runs of one millisecond have no order
    ended(planned, JobState.FAILED, "Second reason.")
    app = open_page(planned, "train")
    assert "Second reason." in app.warning[0].value
    app.query_params["run"] = first
    app.run()
    assert "First reason." in app.warning[0].value


def test_another_workspace_sees_none_of_it(open_page, planned):
    ended(planned, JobState.FAILED, "Private.")
    save(other := planned[:-1] + ("b" if planned[-1] != "b" else "c"), Choices(PLAN))
    assert listed(open_page(other, "train")) == []


BY_HAND = replace(PLAN, sparsity=0.0, overrides={"fc1.kernel": Override(threshold=0.05)})


def words(app) -> str:
    return " ".join(block.value for block in [*app.markdown, *app.caption, *app.subheader])


def test_a_layer_set_by_hand_names_no_share_before_anybody_measured_it(open_page, workspace):
    save(workspace, Choices(BY_HAND))
    app = open_page(workspace, "train")
    assert "1 layer set by hand" in words(app)
    assert "%" not in words(app).split("What will run")[1]
    assert not app.get("vega_lite_chart")


def test_what_prune_measured_is_what_train_says_and_draws(open_page, workspace, state):
    save(workspace, Choices(BY_HAND))
    prune = open_page(workspace, "prune")
    plan = state(prune).plan
    reached = state(prune).achieved(plan)
    assert reached is not None and 0.1 < reached.sparsity < 0.6
    app = open_page(workspace, "train")  # another session: it is read from the workspace
    assert f"{100 * reached.sparsity:.1f}\N{NO-BREAK SPACE}%, 1 layer set by hand" in words(app)
    assert app.get("vega_lite_chart")
    assert state(app).achieved(replace(plan, recovery=Recovery(epochs=9))) == reached
    assert state(app).achieved(replace(plan, sparsity=0.5)) is None


def test_a_finished_run_is_called_by_what_was_measured(open_page, workspace):
    save(workspace, Choices(BY_HAND))
    run = store().add_run(BY_HAND, workspace, "", None)
    store().change(run, (JobState.QUEUED,), state=JobState.RUNNING)
    m = Measurement("validation", 360, 360, accuracy=0.9, sparsity=0.4217, latency_ms=0.34, latency_spread_ms=0.1)
    for phase, step, measured in (("dense", 0, replace(m, sparsity=0.0)), ("pruned", 1, m)):
        point = {"phase": phase, "step": step, "epoch": 0, "measurement": measured.to_dict()}
        store().add_event(run, "point", point)
    store().ended(run, JobState.DONE)
    app = open_page(workspace, "train")
    assert listed(app)[0]["title"] == "magnitude 42.2\N{NO-BREAK SPACE}%"
    assert "42.2" in app.subheader[0].value
    assert any(metric.value == "0.34 ± 0.05" for metric in app.metric)
