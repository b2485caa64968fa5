import json
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from core import paths
from core.errors import BadSetting, RefusedFile, Unavailable, UnknownName
from core.jobs import database, workspaces
from core.jobs.job import JobState
from core.jobs.store import Store
from core.measurement import Measurement
from core.plan import Plan


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home)


def test_a_run_comes_back_as_it_was_given(store: Store, plan: Plan, workspace: str) -> None:
    run_id = store.add_run(plan, workspace, "a name", "its parent")
    run = store.run(run_id)
    assert (run.plan, run.workspace, run.name, run.parent) == (plan, workspace, "a name", "its parent")
    assert run.state is JobState.QUEUED and not run.state.finished


def test_ids_of_runs_sort_by_time(store: Store, plan: Plan, workspace: str) -> None:
    made = []
    for _ in range(5):
        made.append(store.add_run(plan, workspace, "", None))
        threading.Event().wait(0.002)
    assert sorted(made) == made
    assert [run.id for run in store.runs(workspace)] == made[::-1]


def test_workspaces_do_not_see_each_other(store: Store, plan: Plan, workspace: str) -> None:
    store.add_run(plan, workspace, "", None)
    assert store.runs(workspaces.new_id()) == []


def test_threads_write_at_once_and_nothing_is_lost(store: Store, plan: Plan, workspace: str) -> None:
    run_id = store.add_run(plan, workspace, "", None)

    def write(number: int) -> None:
        for i in range(25):
            store.add_event(run_id, "note", {"thread": number, "i": i})
        store.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = store.events(run_id)
    assert len(events) == 200
    assert [event.id for event in events] == sorted({event.id for event in events})
    for number in range(8):
        assert [event.data["i"] for event in events if event.data["thread"] == number] == list(range(25))


def test_events_are_read_from_where_one_stopped(store: Store, plan: Plan, workspace: str) -> None:
    run_id = store.add_run(plan, workspace, "", None)
    store.add_event(run_id, "started", {})
    seen = store.events(run_id)[-1].id
    store.add_event(run_id, "paused", {})
    assert [event.kind for event in store.events(run_id, after=seen)] == ["paused"]


def test_only_the_latest_progress_is_kept_and_shown_in_the_row(store: Store, plan: Plan, workspace: str) -> None:
    run_id = store.add_run(plan, workspace, "", None)
    for done in (1, 2, 3):
        store.progress(run_id, {"done": done, "total": 4, "rate": 2.0, "eta": 0.5, "text": "Fine-tuning"})
    assert [event.data["done"] for event in store.events(run_id)] == [3]
    run = store.run(run_id)
    assert (run.progress, run.rate, run.eta, run.text) == (0.75, 2.0, 0.5, "Fine-tuning")


def test_an_epoch_told_again_after_a_continuation_replaces_the_first_telling(
    store: Store, plan: Plan, workspace: str
) -> None:
    run_id = store.add_run(plan, workspace, "", None)
    for loss in (1.0, 0.5):
        store.add_event(run_id, "epoch", {"epoch": 3, "step": 1, "loss": loss})
    store.add_event(run_id, "epoch", {"epoch": 4, "step": 1, "loss": 0.4})
    assert [event.data["loss"] for event in store.events(run_id)] == [0.5, 0.4]


def test_a_loss_that_is_no_number_is_none(store: Store, plan: Plan, workspace: str) -> None:
    run_id = store.add_run(plan, workspace, "", None)
    store.add_event(run_id, "epoch", {"loss": float("nan"), "deep": [{"x": float("inf")}]})
    assert store.events(run_id)[0].data == {"loss": None, "deep": [{"x": None}]}


def test_an_end_is_given_once(store: Store, plan: Plan, workspace: str) -> None:
    run_id = store.add_run(plan, workspace, "", None)
    store.claim(slots=1)
    assert store.ended(run_id, JobState.DONE)
    assert not store.ended(run_id, JobState.LOST, "too late")
    assert store.run(run_id).state is JobState.DONE
    assert [event.kind for event in store.events(run_id)] == ["finished"]


def test_one_queued_run_is_claimed_once_whoever_asks(home: Path, plan: Plan, workspace: str) -> None:
    Store(home).add_run(plan, workspace, "", None)
    claims: list[object] = []

    def claim() -> None:
        one = Store(home)
        claims.append(one.claim(slots=4))
        one.close()

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([found for found in claims if found is not None]) == 1


def test_turns_go_round_between_workspaces(store: Store, plan: Plan) -> None:
    greedy, modest = workspaces.new_id(), workspaces.new_id()
    first = [store.add_run(plan, greedy, "", None) for _ in range(3)]
    second = [store.add_run(plan, modest, "", None) for _ in range(2)]
    order = []
    while (held := store.claim(slots=1)) is not None:
        order.append(held.run)
        store.ended(held.run, JobState.DONE)
    assert order == [first[0], second[0], first[1], second[1], first[2]]


def test_a_run_adopted_by_one_process_is_not_adopted_by_another(store: Store, plan: Plan, workspace: str) -> None:
    run_id = store.add_run(plan, workspace, "", None)
    assert not store.adopt(run_id, 10, "a"), "nobody claimed it yet"
    store.claim(slots=1)
    assert store.adopt(run_id, 10, "a")
    assert store.adopt(run_id, 10, "a"), "its parent says so too"
    assert not store.adopt(run_id, 11, "a")


def test_one_file_is_kept_once_under_each_ones_name(store: Store, home: Path, tmp_path: Path) -> None:
    mine, yours = workspaces.new_id(), workspaces.new_id()
    source = tmp_path / "net.keras"
    source.write_bytes(b"the same bytes")
    first = store.add_model(source, "mine.keras", mine)
    second = store.add_model(b"the same bytes", "yours.keras", yours)
    assert first.ref == second.ref and first.path == second.path
    assert (first.name, second.name, first.framework) == ("mine.keras", "yours.keras", "keras")
    assert [file.name for file in paths.models(home).iterdir()] == [first.path.name]
    assert [entry.name for entry in store.models(mine)] == ["mine.keras"]
    store.add_model(source, "renamed.keras", mine)
    assert [entry.name for entry in store.models(mine)] == ["renamed.keras"]


def test_data_is_kept_the_same_way(store: Store, workspace: str) -> None:
    entry = store.add_data(b"a,b,label\n", "table.csv", workspace)
    assert entry.path.read_bytes() == b"a,b,label\n" and entry.ref == str(entry.path)
    assert store.models(workspace) == [] and len(store.data(workspace)) == 1


def test_a_model_of_no_known_kind_is_refused(store: Store, workspace: str) -> None:
    with pytest.raises(RefusedFile, match="not a model file we open"):
        store.add_model(b"", "network.exe", workspace)


def test_a_full_disk_says_so_and_loses_nothing(
    store: Store, workspace: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_model(b"first", "first.keras", workspace)

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Unavailable, match="The disk is full"):
        store.add_model(b"second", "second.keras", workspace)
    assert [entry.name for entry in store.models(workspace)] == ["first.keras"]
    assert len(list(paths.models(home).iterdir())) == 1, "no draft is left behind"


def test_unknown_ids_are_named_errors(store: Store) -> None:
    with pytest.raises(UnknownName):
        store.run("20990101-000000-000-abcd")
    with pytest.raises(BadSetting, match="Upload it again"):
        store.model("0" * 64)


def test_a_store_of_a_newer_version_is_left_alone(home: Path) -> None:
    Store(home).close()
    with sqlite3.connect(paths.store(home)) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match="newer version"):
        Store(home)


def test_a_store_of_the_first_version_is_taken_over_and_its_processes_count_as_gone(
    home: Path, plan: Plan, workspace: str
) -> None:
    home.mkdir()
    with sqlite3.connect(paths.store(home)) as old:
        old.executescript(database._VERSIONS[0])
        names = "id, workspace, name, plan, state, created, queued, pid, process_created"
        values = ("old", workspace, "", json.dumps(plan.to_dict()), "running", 1.0, 1.0, os.getpid(), 5.0)
        old.execute(f"INSERT INTO runs ({names}) VALUES ({', '.join('?' * len(values))})", values)
        old.execute("PRAGMA user_version = 1")
    old.close()
    store = Store(home)
    assert store.run("old").state is JobState.RUNNING and not store.held("old").lives
    store.close()


def test_measurements_survive_the_row(store: Store, plan: Plan, workspace: str) -> None:
    run_id = store.add_run(plan, workspace, "", None)
    store.claim(slots=1)
    measured = Measurement("test", 10, 10, accuracy=0.9, recall_per_class=(1.0, None))
    import json

    store.ended(run_id, JobState.DONE, before=json.dumps(measured.to_dict()), artefacts='{"model": "m.pt2"}')
    run = store.run(run_id)
    assert run.before == measured and run.artefacts == {"model": Path("m.pt2")} and run.ended is not None


def test_workspace_ids_are_long_random_and_checked() -> None:
    ids = {workspaces.new_id() for _ in range(200)}
    assert len({one.rsplit("-", 1)[1] for one in ids}) == 200
    assert all(workspaces.is_id(one) and len(one.rsplit("-", 1)[1]) >= 12 for one in ids)
    for wrong in ("", "quiet-fern-41", "../../etc", "quiet-fern-41-AAAAAAAAAAAAAAAA", next(iter(ids)) + "\n"):
        assert not workspaces.is_id(wrong)
        with pytest.raises(BadSetting):
            workspaces.checked(wrong)
