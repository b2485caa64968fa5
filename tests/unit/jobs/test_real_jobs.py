"""Real jobs in real processes: broken off anywhere, they end with the same weights."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest

from core import artefacts, paths
from core.jobs.job import JobState, Run
from core.jobs.local import LocalEngine
from core.masks import digest
from core.plan import DataChoice, Plan, Recovery

from .conftest import until

Engines = Callable[..., LocalEngine]
FRAMEWORKS = ("pytorch", "keras")


def on(plan: Plan, framework: str) -> Plan:
    return replace(plan, model=f"sample:iris-mlp@{framework}")


def epochs(engine: LocalEngine, run_id: str) -> list[int]:
    return [event.data["epoch"] for event in engine.events(run_id) if event.kind == "epoch"]


def done(engine: LocalEngine, run_id: str) -> Run:
    until(lambda: engine.get(run_id).state.finished, 150)
    run = engine.get(run_id)
    assert run.state is JobState.DONE, (run.reason, paths.log_file(paths.run_folder(engine.home, run_id)).read_text())
    return run


# Between two pruning steps, and while recovering; once only where the framework takes long to import.
@pytest.mark.parametrize(("framework", "breaks"), [("pytorch", (4, 35)), ("keras", (35,))])
def test_killed_and_continued_it_ends_with_the_weights_of_an_unbroken_run(
    engines: Engines, long_plan: Plan, workspace: str, framework: str, breaks: tuple[int, ...]
) -> None:
    engine = engines(slots=2)
    unbroken = engine.submit(on(long_plan, framework), workspace=workspace)
    broken = engine.submit(on(long_plan, framework), workspace=workspace)
    for epoch in breaks:
        until(lambda epoch=epoch: max(epochs(engine, broken), default=0) >= epoch, 120)
        os.kill(engine.store.held(broken).pid or 0, signal.SIGKILL)
        until(lambda: engine.get(broken).state is JobState.LOST)
        engine.continue_(broken)
    whole, mended = done(engine, unbroken), done(engine, broken)
    assert mended.artefacts["weights"].read_bytes() == whole.artefacts["weights"].read_bytes()
    assert mended.artefacts["masks"].read_bytes() == whole.artefacts["masks"].read_bytes()
    assert replace(mended.after, latency_ms=0, latency_spread_ms=0) == replace(
        whole.after, latency_ms=0, latency_spread_ms=0
    )
    assert epochs(engine, broken) == epochs(engine, unbroken) == list(range(1, 81)), "no epoch is told twice"
    assert sum(event.kind == "started" for event in engine.events(broken)) == 1 + len(breaks)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_pausing_uses_no_cpu_and_cancelling_from_there_leaves_no_process(
    engines: Engines, long_plan: Plan, workspace: str, framework: str
) -> None:
    endless = replace(on(long_plan, framework), recovery=Recovery(epochs=10_000))
    engine = engines(slots=1)
    run_id = engine.submit(endless, workspace=workspace)
    until(lambda: len(epochs(engine, run_id)) > 2, 120)
    engine.pause(run_id)
    until(lambda: engine.get(run_id).state is JobState.PAUSED)
    paused = psutil.Process(engine.store.held(run_id).pid)
    psutil.cpu_percent(1)  # let the framework's threads fall asleep
    before = paused.cpu_times()
    psutil.cpu_percent(2)
    after = paused.cpu_times()
    assert (after.user + after.system) - (before.user + before.system) <= 0.02
    assert paused.nice() == 10
    engine.cancel(run_id)
    until(lambda: engine.get(run_id).state is JobState.CANCELLED, 10)
    until(lambda: not paused.is_running() or paused.status() == psutil.STATUS_ZOMBIE, 15)


def test_everything_a_run_leaves_is_there_and_whole(engines: Engines, plan: Plan, workspace: str) -> None:
    engine = engines(slots=1)
    run = done(engine, engine.submit(plan, workspace=workspace, name="half"))
    assert set(run.artefacts) == {"model", "weights", "masks", "recipe", "result", "log"}
    assert all(path.exists() for path in run.artefacts.values())
    assert run.progress == 1 and run.before is not None and run.after is not None
    assert (run.before.sparsity, run.after.sparsity, run.after.split) == (0.0, 0.5, "test")
    kinds = [event.kind for event in engine.events(run.id) if event.kind != "progress"]
    assert kinds == ["started", "point", "pruned", "point", "point", "finished"]
    phases = [event.data["phase"] for event in engine.events(run.id) if event.kind == "point"]
    assert phases == ["dense", "pruned", "final"]
    result = json.loads(run.artefacts["result"].read_text())
    assert result["after"]["accuracy"] == run.after.accuracy
    assert not paths.checkpoint_folder(paths.run_folder(engine.home, run.id)).exists()
    masks = artefacts.read_masks(run.artefacts["masks"])
    assert digest(masks) in run.artefacts["recipe"].read_text()


def test_a_wrong_request_fails_with_its_sentence_and_the_next_one_runs(
    engines: Engines, plan: Plan, workspace: str
) -> None:
    engine = engines(slots=1)
    wrong = engine.submit(replace(plan, data=DataChoice("digits")), workspace=workspace)
    right = engine.submit(plan, workspace=workspace)
    # Nobody looks from here on: the failing job itself starts the next one.
    until(lambda: engine.store.run(right).state.finished, 120)
    assert engine.store.run(right).state is JobState.DONE
    failed = engine.store.run(wrong)
    assert failed.state is JobState.FAILED and "(1, 8, 8)" in failed.reason


def test_a_job_over_its_memory_ends_with_a_sentence(
    engines: Engines, plan: Plan, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPIARY_MEMORY", "60")
    engine = engines(slots=1)
    run_id = engine.submit(plan, workspace=workspace)
    until(lambda: engine.get(run_id).state.finished, 60)
    run = engine.get(run_id)
    assert run.state is JobState.FAILED and "60 MB" in run.reason
