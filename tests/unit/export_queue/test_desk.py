"""Formats asked for, queued, stopped, and found again by a page, a server or after a kill; no framework."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from core import paths
from core.export_queue import desk as module
from core.export_queue.desk import VANISHED, Desk
from core.export_queue.work import Phase, State, kept
from core.jobs.process import kill_tree
from core.plan import DataChoice, Plan

PROGRAM = (sys.executable, str(Path(__file__).parent / "programs" / "waiting.py"))


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(paths.PROJECT))
    folder = paths.made(paths.run_folder(tmp_path, "a-run"))
    plan = Plan("sample:iris-mlp@pytorch", DataChoice("iris"))
    paths.plan_file(folder).write_text(plan.to_yaml())
    yield folder
    Desk(folder, PROGRAM).close()


@pytest.fixture
def desk(run_folder):
    return Desk(run_folder, PROGRAM)


def asked(desk, *names):
    desk.ask(names, desk.run_folder / "model.pt2", "net")


def until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def writing(desk, name="slow"):
    """Waits until it is being written. Returns its note."""
    until(lambda: desk.look()[name].phase is Phase.WRITING and (desk.run_folder / "child").exists())
    return desk.look()[name]


def made(desk, *names):
    return [paths.made_file(desk.exports, name).exists() for name in names]


def test_they_are_made_one_after_the_other_and_a_failure_can_be_tried_again(desk):
    asked(desk, "one", "bad", "two")
    assert [work.name for work in desk.look().values()] == ["one", "bad", "two"], "in the order they were asked for"
    until(lambda: not any(work.state.under_way for work in desk.look().values()))
    assert made(desk, "one", "bad", "two") == [True, False, True]
    assert desk.look()["bad"].reason == "It cannot be had."
    (desk.run_folder / "mended").touch()
    asked(desk, "bad")
    until(lambda: not desk.look())
    assert made(desk, "bad") == [True]
    asked(desk, "one")
    assert desk.look()["one"].expected is not None, "how long it took is remembered"


def test_what_is_stopped_is_gone_at_once_with_its_children_and_the_next_goes_on(desk):
    asked(desk, "slow", "after")
    now = writing(desk)
    child = int((desk.run_folder / "child").read_text())
    desk.stop(["slow"])
    assert not psutil.pid_exists(now.pid) or psutil.Process(now.pid).status() == psutil.STATUS_ZOMBIE
    assert not psutil.pid_exists(child)
    until(lambda: "after" not in desk.look())
    assert made(desk, "slow", "after") == [False, True]
    until(lambda: desk.look() and not paths.export_work(desk.exports).exists())
    assert desk.look()["slow"].state is State.STOPPED


def test_a_new_server_finds_what_is_under_way_and_starts_no_second_process(desk, run_folder):
    asked(desk, "slow", "after")
    now = writing(desk)
    module._children.clear()  # as a new server knows of none
    again = Desk(run_folder, PROGRAM)
    asked(again, "slow")
    assert again.look()["slow"] == now
    assert not module._children
    again._start()  # as two servers may at the same instant
    assert module._children[again.run_folder].wait(60) == 0
    assert again.look()["slow"] == now


def test_a_process_that_is_killed_is_told_and_the_others_are_made(desk):
    asked(desk, "slow", "after")
    now = writing(desk)
    assert list(paths.export_work(desk.exports).iterdir()), "temporary files lie in the run's folder"
    kill_tree(now.pid, now.born)
    found = desk.look()
    assert (found["slow"].state, found["slow"].reason) == (State.FAILED, VANISHED)
    until(lambda: "after" not in desk.look())
    until(lambda: desk.look() and not paths.export_work(desk.exports).exists())
    assert made(desk, "slow", "after") == [False, True]


def test_a_note_of_another_version_is_as_none(desk):
    paths.made(desk.queue)
    for number, text in enumerate(("", "[]", '{"name": "one"}', '{"state": "gone", "phase": "writing"}')):
        (desk.queue / f"{number}.json").write_text(text)
    assert kept(desk.queue) == {} == desk.look()
