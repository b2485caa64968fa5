"""Compare: the chart of all runs of a model, and the table below it."""

import json
from dataclasses import replace

import pytest

from core.jobs.job import JobState
from core.measurement import Measurement
from core.plan import DataChoice, Plan
from pages.ui.charts import clicked
from pages.ui.choices import Choices, save
from pages.ui.services import store

PLAN = Plan("sample:digits-lenet5@pytorch", DataChoice("digits"), sparsity=0.9)


def measured(run: str, phase: str, accuracy: float, left: int) -> None:
    """One state of a run, as a job writes it."""
    m = Measurement(
        "validation", 360, 360, accuracy=accuracy, nonzero=left, sparsity=1 - left / 1000, zipped_bytes=4 * left
    )
    data = {"phase": phase, "step": int(phase != "dense"), "epoch": 0, "measurement": m.to_dict()}
    store().add_event(run, "point", data)


@pytest.fixture
def compared(workspace):
    """A workspace with two finished runs of the open model and one of another."""
    save(workspace, Choices(PLAN))
    for plan in (PLAN, replace(PLAN, criterion="random"), replace(PLAN, model="sample:iris-mlp@pytorch")):
        run = store().add_run(plan, workspace, "", None)
        store().change(run, (JobState.QUEUED,), state=JobState.RUNNING)
        measured(run, "dense", 0.99, 1000)
        measured(run, "pruned", 0.9, 100)
        store().ended(run, JobState.DONE)
    return workspace


def table(app) -> dict:
    return next(json.loads(e.proto.json) for e in app.get("bidi_component") if "entries" in (e.proto.json or ""))


def chart(app):
    return app.get("vega_lite_chart")[0].proto


def test_every_click_on_a_point_opens_its_run_and_zooming_opens_none():
    one, two = {"run": "a", "order": 1}, {"run": "b", "order": 1}
    assert clicked([one], []) == one
    assert clicked([one, two], [one]) == two
    assert clicked([two], [one, two]) == one, "a second click takes it out again"
    assert clicked([two], [two]) is None


def test_without_runs_it_says_what_to_do(open_page, workspace):
    save(workspace, Choices(PLAN))
    app = open_page(workspace, "compare")
    assert any("Start a run" in box.value for box in app.info)
    assert not app.get("vega_lite_chart")


def test_runs_of_the_open_model_are_drawn_and_listed_with_the_dense_one_first(open_page, compared):
    app = open_page(compared, "compare")
    assert [row["title"].split(",")[0] for row in table(app)["entries"]] == [
        "dense model",
        "random",
        "magnitude 90\N{NO-BREAK SPACE}%",
    ]
    assert "tradeoff" in chart(app).id


def test_the_table_tells_quality_size_and_cost(open_page, compared):
    names = {column["name"] for column in table(open_page(compared, "compare"))["columns"]}
    assert {"state", "validation", "test", "f1", "parameters", "zipped", "macs", "latency"} <= names


def test_how_the_chart_is_looked_at_survives_a_reload(open_page, compared):
    app = open_page(compared, "compare")
    app.toggle(key="near_dense").set_value(False).run()
    groups = {group.key: group for group in app.get("button_group")}
    groups["size_axis"].set_value("sparsity").run()
    again = open_page(compared, "compare")
    assert again.toggle(key="near_dense").value is False
    assert "sparsity of the prunable weights" in chart(again).spec


def test_a_refresh_changes_neither_the_chart_nor_its_identity(open_page, compared):
    app = open_page(compared, "compare")
    before = chart(app)
    app.run()
    assert (chart(app).id, chart(app).spec) == (before.id, before.spec)


def test_a_click_on_a_line_opens_its_run(open_page, compared):
    app = open_page(compared, "compare")
    first = table(app)["entries"][-1]["id"]
    assert table(app)["chosen"] != first
    app.session_state["app"].set_view("run", first)
    app.run()
    assert table(app)["chosen"] == first
