"""Regressions, tokens and several inputs go the same way as everything else."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.jobs.job import JobState
from core.jobs.workspaces import new_id
from core.plan import DataChoice, Plan, Recovery
from pages.ui.choices import Choices, save
from pages.ui.services import engine, store

MAKER = Path(__file__).with_name("made_networks.py")


@pytest.fixture(scope="module")
def brought(tmp_path_factory, home):
    """A workspace for each network that somebody brought with its data, a sparsity set."""
    folder = tmp_path_factory.mktemp("brought")
    subprocess.run([sys.executable, str(MAKER), str(folder)], check=True, capture_output=True, timeout=200)
    made = {}
    for name in ("regression", "tokens", "two"):
        workspace = made[name] = new_id()
        model = store().add_model(folder / f"{name}.pt2", f"{name}.pt2", workspace)
        data = store().add_data(folder / f"{name}.npz", f"{name}.npz", workspace)
        plan = Plan(model.ref, DataChoice(data.ref), sparsity=0.5, recovery=Recovery(epochs=1))
        save(workspace, Choices(plan))
    return made


def html(app) -> str:
    return "\n".join(block.value for block in app.html)


@pytest.mark.parametrize(
    ("name", "said"),
    [("regression", "test R²"), ("tokens", "7 tokens"), ("two", "shape, 4 values; colour, 6 values")],
)
def test_model_says_what_it_is_worth_and_what_it_takes(name, said, open_page, brought):
    app = open_page(brought[name], "model")
    assert not app.error
    assert said in html(app)


@pytest.mark.parametrize("name", ["regression", "tokens", "two"])
@pytest.mark.parametrize("criterion", ["magnitude", "taylor"])
def test_thresholds_and_result_stand_on_prune(name, criterion, open_page, brought):
    app = open_page(brought[name], "prune")
    app.selectbox(key="criterion").set_value(criterion).run()
    assert not app.exception and not app.error
    rows = [json.loads(e.proto.json)["row"] for e in app.get("bidi_component") if "row" in (e.proto.json or "")]
    assert sum(row["removed"] for row in rows) > 0
    assert "Measured now" in html(app)
    assert ("R²" in html(app)) is (name == "regression")


@pytest.mark.parametrize(
    ("name", "layer", "seen", "told"),
    [
        ("regression", "2", "<p>", "R² without it"),
        ("tokens", "hidden", "tokens ", "Accuracy without it"),
        ("two", "left", "<span>colour</span>", "Accuracy without it"),
    ],
)
def test_a_layer_is_explained_whatever_the_network_takes_and_tells(name, layer, seen, told, open_page, brought, state):
    app = open_page(brought[name], "look")
    state(app).set_view("inspect.unit", [f"{layer}.kernel", 0])
    app.selectbox(key="layer").set_value(layer).run()
    assert not app.exception and not app.error
    assert seen in html(app)
    assert told in [metric.label for metric in app.metric]


def test_a_regression_runs_and_is_read_by_r2_on_every_page(open_page, brought, all_made):
    workspace = brought["regression"]
    open_page(workspace, "prune")
    app = open_page(workspace, "train")
    assert not {"class_weights"} & {toggle.key for toggle in app.toggle}
    assert "macro F1" not in app.selectbox(key="target").options
    app.button(key="start_run").click().run()
    (run,) = engine().list(workspace)
    until = time.monotonic() + 300
    while not engine().get(run.id).state.finished and time.monotonic() < until:
        time.sleep(0.2)
    assert engine().get(run.id).state is JobState.DONE, engine().get(run.id).reason
    trained = open_page(workspace, "train")
    assert trained.metric[0].label == "R², test"
    compared = open_page(workspace, "compare")
    groups = {group.key: group for group in compared.get("button_group")}
    assert groups["quality"].options == ["R²", "mean absolute error"]
    assert compared.get("vega_lite_chart") and not compared.error
    groups["quality"].set_value("mae").run()
    assert "mean absolute error on the validation split" in compared.get("vega_lite_chart")[0].proto.spec
    exported = all_made(open_page(workspace, "export"), run)
    assert "R² there" in exported.success[0].value
