"""Where formats of one finished run are asked for, looked after and stopped.

Everything lies in the run's ``exports`` folder: a reload, a closed tab or a new server finds what is under way, or that
it has ended. A process of its own makes them, one after the other; whoever looks starts it where it is missing.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core import paths
from core.artefacts import write_text
from core.errors import Unavailable
from core.export_queue import times
from core.export_queue.work import CHECK, State, Work, keep, kept, note
from core.jobs.process import kill_tree
from core.locks import only_one
from core.plan import Plan
from core.processes import alive

PROGRAM = (sys.executable, "-m", "core.export_queue")
VANISHED = "Its process ended without a word; perhaps the system ran out of memory. Try it again."
_ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}

#: Processes that this one started, by the folder of the run.
_children: dict[Path, "subprocess.Popen[bytes]"] = {}
_lock = threading.RLock()


class Desk:
    """The formats of one run.

    Args:
        run_folder: The folder of the run.
        program: What is started, with the run's folder as its last argument.
    """

    def __init__(self, run_folder: Path, program: Sequence[str] = PROGRAM) -> None:
        self.run_folder = run_folder.resolve()
        self.exports = paths.exports_folder(self.run_folder)
        self.queue = paths.export_queue(self.exports)
        self._program = program

    def ask(self, names: Sequence[str], model_file: Path, called: str) -> None:
        """Have formats made, in this order; those that are under way already stay as they are.

        Args:
            names: Of formats, or ``CHECK``.
            model_file: The run's model.
            called: As :attr:`Work.called`.

        Raises:
            Unavailable: The disk does not take it, or no process can be started.
        """
        if not self.run_folder.is_dir():
            raise Unavailable("This run was deleted; choose another one.")
        paths.made(self.queue)
        with _lock:
            known, now = kept(self.queue), time.time()
            for number, name in enumerate(names):
                if name not in known or not known[name].state.under_way:
                    asked = now + number * 1e-6
                    keep(
                        Work(name, str(model_file), called, asked, expected=self._expected(name, model_file)),
                        self.queue,
                    )
            self.look()

    def look(self) -> dict[str, Work]:
        """Everything that is under way, failed or was stopped, by name; starts the process where one is wanted."""
        with _lock:
            for work in kept(self.queue).values():
                if work.lost:
                    self._lost(work)
            found = kept(self.queue)
            if not self._manned():
                if any(work.state is State.WAITING for work in found.values()):
                    self._start()
                elif paths.export_work(self.exports).exists():
                    self._tidy()
        return found

    def stop(self, names: Sequence[str]) -> None:
        """Give up formats that are under way, at once; what was there of them before stays."""
        with _lock:
            found = kept(self.queue)
            going = {name: found[name] for name in names if name in found and found[name].state.under_way}
            for work in going.values():
                if work.state is State.WORKING:
                    kill_tree(work.pid, work.born)
                keep(replace(work, state=State.STOPPED), self.queue)
            for work in kept(self.queue).values():
                if work.lost:  # its turn came between our look and the end of its process
                    keep(replace(work, state=State.WAITING), self.queue)
            self.look()

    def close(self) -> None:
        """Stop everything: the run is about to go."""
        self.stop(list(kept(self.queue)))

    def _expected(self, name: str, model_file: Path) -> float | None:
        try:
            plan = Plan.from_yaml(paths.plan_file(self.run_folder).read_text(encoding="utf-8"))
        except OSError:
            return None
        return times.expected(paths.home_of(self.run_folder), plan.model, model_file.suffix, name)

    def _lost(self, work: Work) -> None:
        """A process that was ended had perhaps come to its end."""
        file = paths.check_file(self.run_folder) if work.name == CHECK else paths.made_file(self.exports, work.name)
        if file.exists() and file.stat().st_mtime >= (work.began or 0):
            note(self.queue, work.name).unlink(missing_ok=True)
        else:
            keep(replace(work, state=State.FAILED, reason=VANISHED), self.queue)

    def _manned(self) -> bool:
        """Whether a process is there: one that we started, or one that had told us of itself."""
        child = _children.get(self.run_folder)
        if child is not None and child.poll() is None:
            return True
        _children.pop(self.run_folder, None)
        return alive(*maker(self.queue))

    def _tidy(self) -> None:
        """What a process that was killed left."""
        with only_one(lock_file(self.queue)) as mine:
            if mine:
                shutil.rmtree(paths.export_work(self.exports), ignore_errors=True)

    def _start(self) -> None:
        work = paths.export_work(self.exports)
        paths.made(work)
        own = {**os.environ, **_ENVIRONMENT, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work))}
        try:
            with paths.log_file(self.queue).open("wb") as log:
                child = subprocess.Popen(
                    [*self._program, str(self.run_folder)],
                    cwd=paths.PROJECT,
                    env=own,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as err:
            raise Unavailable(f"The process that makes formats cannot be started: {err.strerror or err}.") from err
        _children[self.run_folder] = child
        # Collects the process whenever it ends; it may well outlive this one.
        threading.Thread(target=child.wait, name="export-collector", daemon=True).start()


def lock_file(queue: Path) -> Path:
    """Locked by the one process that makes a run's formats."""
    return queue / "lock"


def maker(queue: Path) -> tuple[int, str | None]:
    """Number and birth of that process, or of the last one."""
    try:
        number, _, born = (queue / "maker").read_text(encoding="utf-8").partition(" ")
        return int(number), born
    except (OSError, ValueError):
        return 0, None


def manned(queue: Path, pid: int, born: str | None) -> None:
    """Tell who it is now.

    Raises:
        Unavailable: The disk does not take it.
    """
    write_text(queue / "maker", f"{pid} {born}")
