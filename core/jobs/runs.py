"""Runs and their events in the store. Every change of state is one conditional statement, so no two can cross."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from sqlite3 import Row
from typing import Any

from core.artefacts import finite
from core.errors import UnknownName
from core.jobs.database import Database
from core.jobs.job import Event, JobState, Run, new_run_id
from core.measurement import Measurement
from core.plan import Plan
from core.processes import alive

#: States in which a process should be alive.
ALIVE = (JobState.RUNNING, JobState.PAUSED)
UNFINISHED = tuple(state for state in JobState if not state.finished)
#: Kinds of events that tell of one place in a run; told again after a continuation, they replace the first telling.
_PLACED = ("point", "epoch", "pruned", "histogram")


@dataclass(frozen=True)
class Held:
    """The process that a row says it has; ``pid`` None while one is being started."""

    run: str
    state: JobState
    pid: int | None
    born: str | None
    claimed: float | None
    asked: str | None
    asked_at: float | None

    @property
    def lives(self) -> bool:
        """Whether that process is there now."""
        return self.pid is not None and alive(self.pid, self.born)


class Runs(Database):
    """Runs and their events."""

    def add_run(self, plan: Plan, workspace: str, name: str, parent: str | None) -> str:
        """Queue a run and return its id."""
        run_id, now = new_run_id(), time.time()
        row = (run_id, workspace, parent, name, json.dumps(plan.to_dict()), JobState.QUEUED, now, now)
        names = "id, workspace, parent, name, plan, state, created, queued"
        with self.writing() as connection:
            connection.execute(f"INSERT INTO runs ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return run_id

    def run(self, run_id: str) -> Run:
        """One run.

        Raises:
            UnknownName: There is none of that id.
        """
        return _run(self._row(run_id))

    def runs(self, workspace: str) -> list[Run]:
        """All runs of a workspace, newest first."""
        query = "SELECT * FROM runs WHERE workspace = ? ORDER BY id DESC"
        with self.reading() as connection:
            rows = connection.execute(query, (workspace,)).fetchall()
        return [_run(row) for row in rows]

    def held(self, run_id: str) -> Held:
        """The process of one run."""
        return _held(self._row(run_id))

    def all_held(self) -> list[Held]:
        """The processes of all rows that should have one, or still have one and wait for a slot to go on."""
        query = "SELECT * FROM runs WHERE state IN (?, ?) OR (state = 'queued' AND pid IS NOT NULL)"
        with self.reading() as connection:
            rows = connection.execute(query, ALIVE).fetchall()
        return [_held(row) for row in rows]

    def delete_run(self, run_id: str) -> None:
        """Forget a run and its events."""
        with self.writing() as connection:
            connection.execute("DELETE FROM events WHERE run = ?", (run_id,))
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def change(self, run_id: str, states: tuple[JobState, ...], *, seen: Held | None = None, **values: Any) -> bool:
        """Set columns of a run if it is in one of these states, and still held as it was ``seen``; whether it was."""
        sets = ", ".join(f"{name} = ?" for name in values)
        marks = ", ".join("?" for _ in states)
        query = f"UPDATE runs SET {sets} WHERE id = ? AND state IN ({marks})"
        told = [*values.values(), run_id, *states]
        if seen is not None:  # else a look that took long would end what somebody has begun anew meanwhile
            query += " AND state = ? AND pid IS ? AND claimed IS ?"
            told += [seen.state, seen.pid, seen.claimed]
        with self.writing() as connection:
            return connection.execute(query, told).rowcount == 1

    def queue(self, run_id: str, states: tuple[JobState, ...], **values: Any) -> bool:
        """Put a run (again) at the end of the queue, if it is in one of these states."""
        fresh: dict[str, Any] = {"queued": time.time(), "reason": "", "ended": None, "asked": None, "asked_at": None}
        return self.change(run_id, states, state=JobState.QUEUED, **fresh, **values)

    def claim(self, slots: int) -> Held | None:
        """Take the next run of the queue if a slot is free, and mark it running; ``pid`` is None where its process,
        if it had one, is gone and another one may adopt it.

        Turns are fair: the workspace with the fewest running runs comes first, then the one whose last turn is
        longest ago, then the run that waits longest.
        """
        query = """
            SELECT waiting.* FROM runs AS waiting
            JOIN (SELECT workspace, sum(state = 'running') AS busy, max(coalesce(claimed, 0)) AS turn
                  FROM runs GROUP BY workspace) AS others USING (workspace)
            WHERE waiting.state = 'queued' AND asked IS NULL ORDER BY busy, turn, queued, id LIMIT 1"""
        with self.reading() as connection:  # most looks end here, without the lock
            if connection.execute("SELECT 1 FROM runs WHERE state = 'queued' AND asked IS NULL").fetchone() is None:
                return None
        with self.writing() as connection:
            running = connection.execute("SELECT count(*) FROM runs WHERE state = 'running'").fetchone()[0]
            row = connection.execute(query).fetchone() if running < slots else None
            if row is None:
                return None
            now, held = time.time(), _held(row)
            if not held.lives:  # in the same breath: a running run whose process is gone is lost
                held = replace(held, pid=None, born=None)
            connection.execute(
                "UPDATE runs SET state = 'running', claimed = ?, started = coalesce(started, ?), ended = NULL, "
                "asked = NULL, asked_at = NULL, pid = ?, born = ? WHERE id = ?",
                (now, now, held.pid, held.born, held.run),
            )
        return held

    def adopt(self, run_id: str, pid: int, born: str | None) -> bool:
        """Write down the process of a claimed run; False when it is another's or no longer running."""
        query = """
            UPDATE runs SET pid = ?, born = ?
            WHERE id = ? AND state = 'running' AND (pid IS NULL OR pid = ?)"""
        with self.writing() as connection:
            return connection.execute(query, (pid, born, run_id, pid)).rowcount == 1

    def ended(self, run_id: str, state: JobState, reason: str = "", *, seen: Held | None = None, **values: Any) -> bool:
        """Give a run its end, with the event that tells it; False when it had one already, or is held otherwise than
        it was ``seen``."""
        kind = "finished" if state is JobState.DONE else str(state)
        data = values.pop("data", {"reason": reason} if reason else {})
        last = {"reason": reason, "ended": time.time(), "eta": None, "asked": None, "asked_at": None}
        gone = self.change(run_id, UNFINISHED, seen=seen, state=state, **last, **values)
        if gone:
            self.add_event(run_id, kind, data)
        return gone

    def asked(self, run_id: str) -> str | None:
        """What was asked of a run: None, "pause" or "cancel"; "gone" when its row is no more or ended."""
        with self.reading() as connection:
            row = connection.execute("SELECT asked, state FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None or JobState(row["state"]).finished:
            return "gone"
        return "pause" if row["state"] == JobState.QUEUED and row["asked"] is None else row["asked"]

    def progress(self, run_id: str, data: Mapping[str, Any]) -> None:
        """Keep how far a run is: in its row, and as its one ``progress`` event."""
        share = data["done"] / data["total"] if data["total"] else 0.0
        with self.writing() as connection:
            connection.execute(
                "UPDATE runs SET progress = ?, eta = ?, rate = ?, text = ? WHERE id = ?",
                (min(1.0, share), data["eta"], data["rate"], data["text"], run_id),
            )
            connection.execute("DELETE FROM events WHERE run = ? AND kind = 'progress'", (run_id,))
            _insert(connection, run_id, "progress", data)

    def add_event(self, run_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """Write down what happened."""
        with self.writing() as connection:
            _insert(connection, run_id, kind, data)

    def events(self, run_id: str, after: int = 0) -> list[Event]:
        """What happened since the event with that id, oldest first."""
        query = "SELECT * FROM events WHERE run = ? AND id > ? ORDER BY id"
        with self.reading() as connection:
            rows = connection.execute(query, (run_id, after)).fetchall()
        return [Event(row["id"], row["run"], row["time"], row["kind"], json.loads(row["data"])) for row in rows]

    def _row(self, run_id: str) -> Row:
        with self.reading() as connection:
            row: Row | None = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise UnknownName("run", run_id, ("those in the list of this workspace",))
        return row


def _insert(connection: Any, run_id: str, kind: str, data: Mapping[str, Any]) -> None:
    if kind in _PLACED:
        place = tuple(data.get(name) for name in ("phase", "step", "epoch"))
        connection.execute(
            "DELETE FROM events WHERE run = ? AND kind = ? AND json_extract(data, '$.phase') IS ? "
            "AND json_extract(data, '$.step') IS ? AND json_extract(data, '$.epoch') IS ?",
            (run_id, kind, *place),
        )
    values = (run_id, time.time(), kind, json.dumps(finite(data)))
    connection.execute("INSERT INTO events (run, time, kind, data) VALUES (?, ?, ?, ?)", values)


def _held(row: Row) -> Held:
    names = ("pid", "born", "claimed", "asked", "asked_at")
    return Held(row["id"], JobState(row["state"]), *(row[name] for name in names))


def _run(row: Row) -> Run:
    as_they_are = ("id", "workspace", "parent", "name", "reason", "created", "started", "ended")
    of_progress = ("progress", "eta", "rate", "text", "asked")
    return Run(
        plan=Plan.from_dict(json.loads(row["plan"])),
        state=JobState(row["state"]),
        artefacts={name: Path(path) for name, path in json.loads(row["artefacts"]).items()},
        before=_measurement(row["before"]),
        after=_measurement(row["after"]),
        **{name: row[name] for name in (*as_they_are, *of_progress)},
    )


def _measurement(text: str | None) -> Measurement | None:
    return None if text is None else Measurement.from_dict(json.loads(text))
