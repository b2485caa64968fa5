"""The engine with small programs instead of jobs: queue, slots, pause, cancel, loss. No framework is needed here."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core import paths
from core.errors import BadSetting
from core.jobs import workspaces
from core.jobs.job import JobState
from core.jobs.local import LocalEngine
from core.plan import Plan
from core.processes import alive, birth

from .conftest import program, until

Engines = Callable[..., LocalEngine]


def state(engine: LocalEngine, run_id: str) -> JobState:
    return engine.get(run_id).state


def times(home: Path, run_id: str) -> list[float]:
    return [float(text) for text in (paths.run_folder(home, run_id) / "trace").read_text().split()]


def test_runs_share_the_slots_and_never_more(engines: Engines, home: Path, plan: Plan, workspace: str) -> None:
    engine = engines(slots=2, program=program("counting"))
    made = [engine.submit(plan, workspace=workspace, name="0.4") for _ in range(5)]
    until(lambda: all(run.state is JobState.DONE for run in engine.list(workspace)))
    spans = [times(home, run_id) for run_id in made]
    for begin, _ in spans:
        assert sum(start <= begin < end for start, end in spans) <= 2


def test_a_waiting_run_of_another_workspace_comes_before_my_second(
    engines: Engines, home: Path, plan: Plan, workspace: str
) -> None:
    engine = engines(slots=1, program=program("counting"))
    mine = [engine.submit(plan, workspace=workspace) for _ in range(3)]
    other = engine.submit(plan, workspace=workspaces.new_id())
    until(lambda: all(state(engine, run_id) is JobState.DONE for run_id in (*mine, other)))
    assert times(home, other)[0] < times(home, mine[1])[0]


def test_pausing_frees_the_slot_and_resuming_waits_for_one(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=1, program=program("counting"))
    first = engine.submit(plan, workspace=workspace, name="1.5")
    until(lambda: state(engine, first) is JobState.RUNNING)
    engine.pause(first)
    until(lambda: state(engine, first) is JobState.PAUSED)
    second = engine.submit(plan, workspace=workspace, name="0.6")
    until(lambda: state(engine, second) is JobState.RUNNING)
    held = engine.store.held(first)
    engine.resume(first)
    assert state(engine, first) is JobState.QUEUED
    until(lambda: state(engine, first) is JobState.RUNNING)
    assert state(engine, second) is JobState.DONE
    assert engine.store.held(first).pid == held.pid, "the process that was paused goes on"
    until(lambda: state(engine, first) is JobState.DONE)
    assert [event.kind for event in engine.events(first)] == ["paused", "resumed", "finished"]


def test_a_paused_process_uses_no_cpu(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=1, program=program("counting"))
    run_id = engine.submit(plan, workspace=workspace, name="30")
    until(lambda: state(engine, run_id) is JobState.RUNNING and engine.store.held(run_id).pid)
    engine.pause(run_id)
    until(lambda: state(engine, run_id) is JobState.PAUSED)
    paused = psutil.Process(engine.store.held(run_id).pid)
    before = paused.cpu_times()
    time.sleep(2)
    after = paused.cpu_times()
    assert (after.user + after.system) - (before.user + before.system) <= 0.02


def test_a_cancelled_run_ends_at_once(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=1, program=program("counting"))
    run_id = engine.submit(plan, workspace=workspace, name="60")
    until(lambda: state(engine, run_id) is JobState.RUNNING and engine.store.held(run_id).pid)
    time.sleep(0.3)
    begin = time.monotonic()
    engine.cancel(run_id)
    until(lambda: state(engine, run_id) is JobState.CANCELLED)
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize("paused", [False, True])
def test_a_waiting_run_is_cancelled_without_ever_starting(
    engines: Engines, plan: Plan, workspace: str, paused: bool
) -> None:
    engine = engines(slots=1, program=program("counting"))
    engine.submit(plan, workspace=workspace, name="30")
    waiting = engine.submit(plan, workspace=workspace)
    if paused:
        engine.pause(waiting)
        assert state(engine, waiting) is JobState.PAUSED
    engine.cancel(waiting)
    assert state(engine, waiting) is JobState.CANCELLED


def test_a_paused_run_that_waits_for_a_slot_can_be_cancelled(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=1, program=program("counting"))
    first = engine.submit(plan, workspace=workspace, name="30")
    until(lambda: state(engine, first) is JobState.RUNNING and engine.store.held(first).pid)
    engine.pause(first)
    until(lambda: state(engine, first) is JobState.PAUSED)
    engine.submit(plan, workspace=workspace, name="30")
    engine.resume(first)
    engine.cancel(first)
    until(lambda: state(engine, first) is JobState.CANCELLED)


def test_a_job_that_does_not_listen_is_ended_with_its_children(
    engines: Engines, home: Path, plan: Plan, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.jobs.local.GRACE", 0.3)
    engine = engines(slots=1, program=program("deaf"))
    run_id = engine.submit(plan, workspace=workspace)
    note = paths.run_folder(home, run_id) / "child"
    until(lambda: note.exists() and note.read_text())
    child = psutil.Process(int(note.read_text()))
    job = engine.store.held(run_id)
    engine.cancel(run_id)
    until(lambda: engine.store.run(run_id).state is JobState.CANCELLED, 10)
    assert job.pid is not None and not alive(job.pid, job.born)
    assert birth(child.pid) is None


def test_a_killed_job_is_lost_and_the_queue_goes_on(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=1, program=program("counting"))
    first = engine.submit(plan, workspace=workspace, name="30")
    second = engine.submit(plan, workspace=workspace)
    until(lambda: engine.store.held(first).pid)
    os.kill(engine.store.held(first).pid or 0, signal.SIGKILL)
    until(lambda: state(engine, first) is JobState.LOST)
    assert "Continue it" in engine.get(first).reason
    until(lambda: state(engine, second) is JobState.DONE)


def test_a_new_server_finds_what_was_lost_while_none_was_there(
    engines: Engines, home: Path, plan: Plan, workspace: str
) -> None:
    engine = engines(slots=1, program=program("counting"))
    run_id = engine.submit(plan, workspace=workspace, name="30")
    until(lambda: engine.store.held(run_id).pid)
    os.kill(engine.store.held(run_id).pid or 0, signal.SIGKILL)
    engine._children.pop().wait()
    assert engine.store.run(run_id).state is JobState.RUNNING, "nobody looked yet"
    assert engines(slots=1).store.run(run_id).state is JobState.LOST


def test_another_process_under_the_same_pid_does_not_count(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=0)
    run_id = engine.submit(plan, workspace=workspace)
    engine.store.claim(slots=1)
    engine.store.adopt(run_id, os.getpid(), f"{birth(os.getpid())}0")
    assert state(engine, run_id) is JobState.LOST


def test_a_queued_run_whose_paused_process_died_starts_anew_whoever_looked_before(
    engines: Engines, plan: Plan, workspace: str
) -> None:
    engine = engines(slots=0)
    run_id = engine.submit(plan, workspace=workspace)
    engine.store.claim(slots=1)
    engine.store.adopt(run_id, os.getpid(), "a process that is gone")
    engine.store.change(run_id, (JobState.RUNNING,), state=JobState.PAUSED)
    [seen] = engine.store.all_held()
    engine.store.queue(run_id, (JobState.PAUSED,))
    engine._look_after(seen)
    assert engine.store.run(run_id).state is JobState.QUEUED, "what was seen is no longer so"
    claimed = engine.store.claim(slots=1)
    assert claimed is not None and claimed.pid is None
    assert state(engine, run_id) is JobState.RUNNING, "its old process is forgotten, not missed"


def test_a_run_claimed_by_somebody_who_died_is_queued_again(
    engines: Engines, plan: Plan, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engines(slots=0)
    run_id = engine.submit(plan, workspace=workspace)
    engine.store.claim(slots=1)
    assert state(engine, run_id) is JobState.RUNNING
    monkeypatch.setattr("core.jobs.local._BIRTH", 0)
    assert state(engine, run_id) is JobState.QUEUED


def test_only_stopped_runs_are_continued_and_only_finished_ones_deleted(
    engines: Engines, home: Path, plan: Plan, workspace: str
) -> None:
    engine = engines(slots=1, program=program("counting"))
    run_id = engine.submit(plan, workspace=workspace, name="0.1")
    with pytest.raises(BadSetting, match="has not finished"):
        engine.delete(run_id)
    until(lambda: state(engine, run_id) is JobState.DONE)
    with pytest.raises(BadSetting, match="lost, failed or cancelled"):
        engine.continue_(run_id)
    engine.delete(run_id)
    assert engine.list(workspace) == [] and not paths.run_folder(home, run_id).exists()


def test_a_cancelled_run_is_continued_by_a_new_process(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=1, program=program("counting"))
    run_id = engine.submit(plan, workspace=workspace, name="0.8")
    until(lambda: engine.store.held(run_id).pid)
    first = engine.store.held(run_id).pid
    engine.cancel(run_id)
    until(lambda: state(engine, run_id) is JobState.CANCELLED)
    engine.continue_(run_id)
    until(lambda: state(engine, run_id) is JobState.DONE)
    assert engine.store.held(run_id).pid != first


def test_a_program_that_cannot_start_is_a_failed_run(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=1, program=("/nowhere/python",))
    run_id = engine.submit(plan, workspace=workspace)
    run = engine.get(run_id)
    assert run.state is JobState.FAILED and "could not be started" in run.reason


@pytest.mark.parametrize("name", ["TOPIARY_SLOTS", "TOPIARY_THREADS", "TOPIARY_MEMORY"])
def test_a_wrong_setting_is_told_when_the_engine_starts(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "abc")
    with pytest.raises(BadSetting, match=name):
        LocalEngine(tmp_path)
