"""Train: settings that become the plan, runs that are started, stopped and explained."""

import json
import time
from dataclasses import replace

import pyarrow
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


def test_compression_steps_come_from_the_registry_and_a_preset_sets_them(open_page, planned, state):
    app = open_page(planned, "train")
    app.button(key="preset_deep-compression").click().run()
    plan = state(app).plan
    assert [choice.method for choice in plan.compression] == ["sharing", "coding"]
    assert plan.sparsity == 0.9  # what was chosen stays
    app.number_input(key="sharing_bits").set_value(4).run()
    pills = next(group for group in app.get("button_group") if group.key == "compressions")
    pills.set_value(["float16", "sharing"]).run()
    steps = state(app).plan.compression
    assert [(choice.method, choice.bits) for choice in steps] == [("sharing", 4), ("float16", 5)]
    said = " ".join(block.value for block in app.markdown)
    assert "then sharing, float16" in said


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


def numbers_of(app) -> set[str]:
    return {box.key for box in app.number_input}


def choose_schedule(app, name: str):
    app.get("button_group")[0].set_value(name).run()
    assert not app.exception and not app.error
    return app


def curve(app) -> list[dict]:
    """The rows of the schedule's chart."""
    found = app.get("vega_lite_chart")[0].proto
    data = found.datasets[0].data if found.datasets else found.data
    return pyarrow.ipc.open_stream(data.data).read_all().to_pylist()


@pytest.mark.parametrize(
    ("schedule", "shown"),
    [
        ("one-shot", set()),
        ("cubic", {"steps", "epochs_between", "initial"}),
        ("rigl", {"interval", "drop", "until"}),
        ("dns", {"interval", "until"}),
    ],
)
def test_a_schedule_asks_only_for_what_it_obeys(schedule, shown, open_page, planned):
    app = choose_schedule(open_page(planned, "train"), schedule)
    asked = {"steps", "epochs_between", "initial", "interval", "drop", "until"}
    assert numbers_of(app) & asked == shown


def test_the_curve_of_rigl_shows_what_is_exchanged_when(open_page, planned):
    app = choose_schedule(open_page(planned, "train"), "rigl")
    exchanged = [row for row in curve(app) if row["kind"] == "exchanged"]
    assert exchanged[0]["sparsity"] == pytest.approx(0.3) and exchanged[-1]["sparsity"] == 0
    assert exchanged[-1]["epoch"] == 3
    app.number_input(key="drop").set_value(10.0).run()
    assert next(row for row in curve(app) if row["kind"] == "exchanged")["sparsity"] == pytest.approx(0.1)


def test_the_curve_starts_after_the_preparation(open_page, planned, state):
    app = open_page(planned, "train")
    app.number_input(key="preparation_epochs").set_value(4).run()
    assert state(app).plan.preparation.epochs == 4
    assert [row["epoch"] for row in curve(app) if row["jump"]] == [4]
    assert "4 epochs before" in words(app)


def test_a_schedule_that_cannot_go_with_the_structure_says_so_and_nothing_starts(open_page, workspace):
    save(workspace, Choices(replace(PLAN, structure="channel", sparsity=0.5)))
    app = choose_schedule(open_page(workspace, "train"), "rigl")
    assert any("unstructured" in box.value for box in app.warning)
    assert app.button(key="start_run").disabled


def test_a_penalty_has_a_strength_and_none_has_not(open_page, planned, state):
    app = open_page(planned, "train")
    assert not app.select_slider
    app.selectbox(key="penalty").set_value("l1").run()
    app.select_slider(key="strength").set_value(1e-3).run()
    assert (state(app).plan.preparation.penalty, state(app).plan.preparation.strength) == ("l1", 1e-3)


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("fine-tune", {"epochs", "learning_rate"}),
        ("distil", {"epochs", "learning_rate", "temperature", "teacher_weight"}),
        ("rewind-early", {"epochs", "learning_rate", "rewind_epoch"}),
        ("recalibrate", set()),
        ("none", set()),
    ],
)
def test_a_recovery_asks_only_for_what_it_obeys(method, shown, open_page, planned, state):
    app = open_page(planned, "train")
    app.selectbox(key="recovery").set_value(method).run()
    assert not app.exception and not app.error
    asked = {"epochs", "learning_rate", "temperature", "teacher_weight", "rewind_epoch"}
    assert numbers_of(app) & asked == shown
    assert state(app).plan.recovery.method == method


def test_shares_are_typed_in_percent(open_page, planned, state):
    app = open_page(planned, "train")
    app.selectbox(key="recovery").set_value("distil").run()
    app.number_input(key="teacher_weight").set_value(75.0).run()
    assert state(app).plan.recovery.teacher_weight == 0.75


def test_a_rewind_without_its_epoch_is_refused_before_it_starts(open_page, planned):
    app = open_page(planned, "train")
    app.selectbox(key="recovery").set_value("rewind-early").run()
    assert app.warning and app.button(key="start_run").disabled
    app.number_input(key="preparation_epochs").set_value(3).run()
    assert not app.warning and not app.button(key="start_run").disabled


def test_targets_and_class_weights_become_the_plan(open_page, planned, state):
    app = open_page(planned, "train")
    app.selectbox(key="target").set_value("f1_macro").run()
    app.toggle(key="class_weights").set_value(True).run()
    recovery = state(app).plan.recovery
    assert (recovery.target, recovery.class_weights) == ("f1_macro", True)


def test_batch_normalisation_is_recalibrated_at_a_click_where_there_is_any(open_page, workspace, state):
    save(workspace, Choices(replace(PLAN, model="sample:digits-resnet@pytorch")))
    app = open_page(workspace, "train")
    app.toggle(key="recalibrate").set_value(True).run()
    assert state(app).plan.recovery.recalibrate
    save(workspace, Choices(PLAN))
    open_page(workspace, "prune")
    assert "recalibrate" not in {toggle.key for toggle in open_page(workspace, "train").toggle}


def layers_at(peak: int) -> dict:
    edges = [round(-1 + 2 * i / 39, 4) for i in range(40)]
    counts = [1] * 39
    counts[19] = peak
    return {"fc1.kernel": {"edges": edges, "counts": counts, "gone": 0}}


def walls(app) -> list[dict]:
    return [json.loads(e.proto.json) for e in app.get("bidi_component") if "tiles" in (e.proto.json or "")]


def test_the_weights_move_epoch_by_epoch_over_where_they_began(open_page, planned):
    run = store().add_run(PLAN, planned, "", None)
    store().change(run, (JobState.QUEUED,), state=JobState.RUNNING)
    m = Measurement("validation", 360, 360, accuracy=0.9, f1_macro=0.8, loss=0.3)
    for epoch, peak in enumerate((1, 40, 400)):
        point = {"phase": "prepare" if epoch else "dense", "step": 0, "epoch": epoch, "measurement": m.to_dict()}
        store().add_event(run, "point", point)
        data = {"phase": "prepare", "epoch": epoch, "step": 0, "layers": layers_at(peak)}
        store().add_event(run, "histogram", data)
    store().ended(run, JobState.CANCELLED)
    app = open_page(planned, "train")
    (wall,) = walls(app)
    plot = wall["tiles"][0]["plots"][0]
    assert plot["counts"][19] == 400 and not wall["opens"]
    assert plot["outline"][19] == plot["outline"][0] < plot["heights"][19]
    groups = {group.key: group for group in app.get("button_group")}
    groups["quality"].set_value("f1_macro").run()
    assert not app.exception and not app.error
    next(box for box in app.select_slider if "Weights of every layer" in box.label).set_value(1).run()
    assert walls(app)[0]["tiles"][0]["plots"][0]["counts"][19] == 40
