"""Export: the files of a finished run, and the proof that they open without this app."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from core.artefacts_check import check, checked
from core.export_queue.desk import Desk
from core.export_queue.work import State, keep
from core.exports import exports, made
from core.formats import FORMATS
from core.jobs.job import JobState
from core.paths import check_file, run_folder
from core.plan import DataChoice, Plan, Recovery
from pages.ui.choices import Choices, save
from pages.ui.services import engine

PLAN = Plan("sample:iris-mlp@pytorch", DataChoice("iris"), sparsity=0.5, recovery=Recovery(epochs=1))


@pytest.fixture(scope="module")
def finished(home):
    """A workspace with one run, carried out."""
    from core.jobs.workspaces import new_id

    workspace = new_id()
    save(workspace, Choices(PLAN))
    run = engine().submit(PLAN, workspace=workspace, name="A small one")
    until = time.monotonic() + 200
    while not engine().get(run).state.finished and time.monotonic() < until:
        time.sleep(0.2)
    assert engine().get(run).state is JobState.DONE, engine().get(run).reason
    return workspace


@pytest.fixture
def run(finished):
    return engine().list(finished)[0]


def test_without_a_finished_run_it_says_what_to_do(open_page, with_model):
    app = open_page(with_model, "export")
    assert any("No run of this model is finished yet" in box.value for box in app.info)


def test_it_offers_every_file_and_shows_the_snippet_that_was_run(open_page, all_made, finished, run):
    app = open_page(finished, "export")
    assert app.get("progress"), "the file is opened and compared beside the page"
    app = all_made(app, run)
    keys = {button.key for button in app.get("download_button")}
    assert {"download_model", "download_masks", "download_weights", "download_recipe"} <= keys
    assert "a-small-one.pt2" in app.code[0].value
    assert "largest difference in outputs" in app.success[0].value


def test_files_are_named_after_the_run(run):
    assert [file.file_name for file in exports(run)] == [
        "a-small-one.pt2",
        "a-small-one-masks.safetensors",
        "a-small-one-weights.safetensors",
        "a-small-one-recipe.yaml",
    ]
    assert all(file.bytes > 0 for file in exports(run))


def test_the_clean_process_gives_the_outputs_and_the_accuracy_that_were_measured(home, run):
    model = exports(run)[0]
    found = check(run_folder(home, run.id), model.path, model.file_name)
    assert found.same and found.difference <= 1e-5
    assert found.accuracy == pytest.approx(run.after.accuracy, abs=1e-4)


def test_importing_the_proof_imports_no_framework():
    code = "import core.artefacts_check, sys; print([m for m in ('torch', 'tensorflow', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kept", ['{"file_name": "a-small-one.pt2", "verdict": 1}', "no JSON"])
def test_a_note_of_another_version_is_made_anew(kept, home, run):
    folder, model = run_folder(home, run.id), exports(run)[0]
    check(folder, model.path, model.file_name)
    check_file(folder).write_text(kept)
    assert checked(folder, model.path, model.file_name) is None


def test_a_note_with_a_field_of_another_version_never_stops_the_page(open_page, all_made, finished, home, run):
    file = check_file(run_folder(home, run.id))
    file.write_text('{"file_name": "a-small-one.pt2", "snippet": "", "new_in_2031": 1}')
    app = all_made(open_page(finished, "export"), run)
    assert "largest difference in outputs" in app.success[0].value
    assert "seconds" in file.read_text()


def test_a_format_is_made_when_asked_and_keeps_what_was_found(open_page, all_made, finished, home, run):
    app = all_made(open_page(finished, "export"), run)
    assert "litert-torch" in " ".join(box.value for box in app.get("html")), "a format that cannot be had says why"
    app.button(key="make_safetensors").click().run()
    app = open_page(finished, "export")  # the tab was closed and opened again
    assert app.get("progress") and app.button(key="stop_safetensors")
    app = all_made(app, run)
    found = made(run_folder(home, run.id), exports(run)[0].path, "safetensors")
    assert found.same and found.zeros_found == found.zeros > 0
    assert "download_safetensors" in {button.key for button in app.get("download_button")}
    assert not app.get("progress")
    assert "on all 30 test samples" in " ".join(box.value for box in app.get("html"))


def test_all_that_can_be_had_are_asked_for_at_once_stopped_and_a_failure_is_told(
    open_page, all_made, finished, home, run
):
    app = all_made(open_page(finished, "export"), run)
    desk = Desk(run_folder(home, run.id))
    app.button(key="make_all").click().run()
    assert not app.exception and not app.error
    going = [work.name for work in desk.look().values() if work.state.under_way]
    assert going and set(going) < set(FORMATS) - {"litert", "litert-int8", "saved_model"}
    app.button(key="stop_all").click().run()
    assert not [work for work in desk.look().values() if work.state.under_way]
    keep(replace(desk.look()[going[0]], state=State.FAILED, reason="It did not open."), desk.queue)
    app = open_page(finished, "export")
    assert any("It did not open." in box.value for box in app.get("html"))
    assert app.button(key=f"make_{going[0]}").label == "Try again"
