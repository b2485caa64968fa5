"""LocalEngine: runs on this machine, one process each, in a few slots.

The queue moves whenever anybody looks (``submit``, ``list``, ``get``, ``events``) and whenever a job ends: its last act
is to start the next one. So it moves without a server too, and a killed job stops it only until the next look.
"""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from core import artefacts, paths
from core.errors import BadSetting, Unavailable
from core.export_queue.desk import Desk
from core.jobs import limits, process
from core.jobs.job import Event, JobState, Run
from core.jobs.runs import UNFINISHED, Held
from core.jobs.store import Store
from core.plan import Plan
from core.processes import birth

PROGRAM = (sys.executable, "-m", "core.jobs")
#: Seconds a job has to obey a cancel by itself, then again after SIGTERM.
GRACE = 2.0
#: Seconds a new process has to say that it lives.
_BIRTH = 30.0
_VANISHED = (
    "Its process ended without a word; perhaps the system ran out of memory. Continue it to go on from its checkpoint."
)


class LocalEngine:
    """Runs plans in processes of this machine.

    Args:
        home: Where store and run folders are.
        slots: Runs at once; None means :func:`core.jobs.limits.slots`.
        program: What is started, with the run's folder as its last argument.
    """

    def __init__(self, home: Path, slots: int | None = None, program: Sequence[str] = PROGRAM) -> None:
        self._program = program
        self.home = home
        self.store = Store(home)
        self.slots = limits.slots() if slots is None else slots
        limits.threads()  # a setting that is wrong is told here, not by a job that is lost
        limits.memory()
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self.advance()

    def submit(self, plan: Plan, *, workspace: str, name: str = "", parent: str | None = None) -> str:
        run_id = self.store.add_run(plan, workspace, name, parent)
        try:
            artefacts.write_text(paths.plan_file(paths.made(self._folder(run_id))), plan.to_yaml())
        except Unavailable:
            self.store.delete_run(run_id)
            raise
        self.advance()
        return run_id

    def cancel(self, run_id: str) -> None:
        held = self.store.held(run_id)
        if held.state is not JobState.RUNNING and not held.lives:
            self.store.ended(run_id, JobState.CANCELLED)
        elif self.store.change(run_id, UNFINISHED, asked="cancel", asked_at=time.time()):
            threading.Thread(target=self._see_to_it, args=(run_id,), daemon=True, name=f"cancel {run_id}").start()

    def pause(self, run_id: str) -> None:
        if not self.store.change(run_id, (JobState.QUEUED,), state=JobState.PAUSED):
            self.store.change(run_id, (JobState.RUNNING,), asked="pause", asked_at=time.time())

    def resume(self, run_id: str) -> None:
        if self.store.held(run_id).asked == "pause" and self.store.change(run_id, (JobState.RUNNING,), asked=None):
            return
        self.store.queue(run_id, (JobState.PAUSED,))
        self.advance()

    def continue_(self, run_id: str) -> None:
        stopped = tuple(state for state in JobState if state.continuable)
        if not self.store.queue(run_id, stopped, pid=None, born=None):
            raise BadSetting("Only a run that was lost, failed or cancelled can be continued.")
        self.advance()

    def delete(self, run_id: str) -> None:
        if not self.store.run(run_id).state.finished:
            raise BadSetting("A run that has not finished cannot be deleted. Cancel it first.")
        self.store.delete_run(run_id)
        Desk(self._folder(run_id)).close()
        shutil.rmtree(self._folder(run_id), ignore_errors=True)

    def get(self, run_id: str) -> Run:
        self.advance()
        return self.store.run(run_id)

    def events(self, run_id: str, after: int = 0) -> list[Event]:
        self.advance()
        return self.store.events(run_id, after)

    def list(self, workspace: str) -> list[Run]:
        self.advance()
        return self.store.runs(workspace)

    def advance(self) -> None:
        """Find runs whose process is gone, end those that will not obey, and fill free slots."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]
            for held in self.store.all_held():
                self._look_after(held)
            while (turn := self.store.claim(self.slots)) is not None:
                if turn.pid is None:  # else it was paused, and sees for itself that it may go on
                    self._start(turn.run)

    def _start(self, run_id: str) -> None:
        folder = self._folder(run_id)
        try:
            with paths.log_file(paths.made(folder)).open("ab") as log:
                child = subprocess.Popen(
                    [*self._program, str(folder)],
                    cwd=paths.PROJECT,
                    env=limits.environment(self.slots),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as err:
            self.store.ended(run_id, JobState.FAILED, f"Its process could not be started: {err.strerror or err}.")
            return
        self._children.append(child)
        self.store.adopt(run_id, child.pid, birth(child.pid))

    def _look_after(self, held: Held) -> None:
        if held.pid is None:
            if held.state is JobState.RUNNING and time.time() - (held.claimed or 0) > _BIRTH:
                self.store.queue(
                    held.run, (JobState.RUNNING,), seen=held
                )  # whoever claimed it ended before starting it
        elif not held.lives:
            if held.asked == "cancel":
                self.store.ended(held.run, JobState.CANCELLED, seen=held)
            elif held.state is not JobState.QUEUED:  # a queued one is simply started anew
                self.store.ended(held.run, JobState.LOST, _VANISHED, seen=held)
        elif held.asked == "cancel":
            self._insist(held)

    def _insist(self, held: Held) -> None:
        assert held.pid is not None  # the caller looked
        waited = time.time() - (held.asked_at or 0)
        if waited > 2 * GRACE:
            process.kill_tree(held.pid, held.born)
            self.store.ended(held.run, JobState.CANCELLED)
        elif waited > GRACE:
            process.terminate(held.pid, held.born)

    def _see_to_it(self, run_id: str) -> None:
        while not self.store.run(run_id).state.finished:
            time.sleep(0.1)
            self.advance()
        self.store.close()

    def _folder(self, run_id: str) -> Path:
        return paths.run_folder(self.home, run_id)
