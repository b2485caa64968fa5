"""What the process does that makes formats of a run: one after the other, as long as some are asked for."""

import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import psutil

from core import paths
from core.artefacts import unavailable
from core.errors import PruneError, Unavailable
from core.export_queue import times
from core.export_queue.desk import lock_file, manned
from core.export_queue.making import Maker
from core.export_queue.work import Phase, State, Work, keep, kept, note
from core.locks import only_one
from core.processes import birth

#: Formats made at a time in a home, each by a process that holds a framework.
SLOTS = 2
#: Seconds that one may take, and between two looks for a free slot.
PATIENCE, _TICK = 900.0, 0.2


class Worker:
    """The process.

    Args:
        run_folder: The folder of the run.
        maker: Who makes them.
    """

    def __init__(self, run_folder: Path, maker: Maker | None = None) -> None:
        self._run_folder = run_folder
        self._exports = paths.exports_folder(run_folder)
        self._queue = paths.export_queue(self._exports)
        self._me = (os.getpid(), birth(os.getpid()))
        self._maker = maker or Maker(run_folder)
        self._now: Work | None = None

    def work(self) -> None:
        """Make everything that waits, unless another process does."""
        signal.signal(signal.SIGTERM, self._asked_to_end)
        while self._next() is not None:
            with only_one(lock_file(self._queue)) as mine:
                if not mine:
                    return
                manned(self._queue, *self._me)
                _emptied(paths.export_work(self._exports))
                self._all()
                shutil.rmtree(paths.export_work(self._exports), ignore_errors=True)

    def _all(self) -> None:
        while self._next() is not None:
            with _slot(paths.home_of(self._run_folder)):
                turn = self._next()  # it may have been stopped while we waited
                if turn is not None:
                    self._carry_out(turn)

    def _next(self) -> Work | None:
        return next((work for work in kept(self._queue).values() if work.state is State.WAITING), None)

    def _carry_out(self, turn: Work) -> None:
        pid, born = self._me
        self._told(replace(turn, state=State.WORKING, began=time.time(), pid=pid, born=born))
        watch = threading.Timer(PATIENCE, self._give_up)
        watch.daemon = True
        watch.start()
        reason = self._made(turn)
        watch.cancel()
        done, self._now = self._now, None
        assert done is not None and done.began is not None  # told above
        if reason:
            keep(replace(done, state=State.FAILED, reason=reason), self._queue)
            return
        model = self._maker.plan.model
        times.remember(
            paths.home_of(self._run_folder), model, Path(turn.model_file).suffix, turn.name, time.time() - done.began
        )
        note(self._queue, turn.name).unlink(missing_ok=True)

    def _made(self, turn: Work) -> str:
        """Make it. Returns why it could not be, "" where it could."""
        try:
            self._maker.make(turn, self._phase)
        except PruneError as err:
            return " ".join(str(err).split())
        except OSError as err:
            return str(unavailable(self._exports, err))
        except MemoryError:
            return "There was not enough memory."
        except Exception as err:
            traceback.print_exc()  # into the log, which the sentence names
            return f"An error we did not expect: {err!r}. The log has the details."
        return ""

    def _phase(self, phase: Phase) -> None:
        assert self._now is not None  # somebody's turn it is
        self._told(replace(self._now, phase=phase))

    def _told(self, work: Work) -> None:
        self._now = work
        keep(work, self._queue)

    def _give_up(self) -> None:
        """It took too long; the next who looks has the others made."""
        now = self._now
        if now is not None:
            keep(
                replace(now, state=State.FAILED, reason=f"It was not done within {PATIENCE / 60:.0f} min."), self._queue
            )
            self._end()

    def _asked_to_end(self, number: int, frame: FrameType | None) -> None:
        """The machine shuts down: what is under way waits again, for the next who looks."""
        if self._now is not None:
            keep(replace(self._now, state=State.WAITING), self._queue)
        self._end()

    def _end(self) -> None:
        for child in psutil.Process().children(recursive=True):
            child.kill()
        os._exit(1)


@contextmanager
def _slot(home: Path) -> Iterator[None]:
    """One of the places of a home, as soon as one is free."""
    while True:
        for number in range(SLOTS):
            with only_one(paths.export_slot(home, number)) as mine:
                if mine:
                    yield
                    return
        time.sleep(_TICK)


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    paths.made(folder)


def main() -> int:
    """Work in a run's folder."""
    folder = Path(sys.argv[1]).resolve()
    try:
        Worker(folder).work()
    except Unavailable as err:
        print(err, file=sys.stderr)  # the run is gone, or the disk is full: nobody to tell but the log
        return 1
    return 0
