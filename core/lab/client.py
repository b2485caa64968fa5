"""The lab as everybody else sees it: ask, and it answers; it is started by the first question."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path
from time import monotonic, sleep
from typing import Any, BinaryIO, TypeAlias

from core.errors import BadSetting, LabLost
from core.lab import endpoint, faults, wire
from core.paths import PROJECT, made
from core.processes import birth

Line: TypeAlias = "Connection[Any, Any]"
#: Told how far the answer is: batches, units or samples done, and how many there are; or ``wire.WAITING``.
Told: TypeAlias = Callable[[int, int], None]

#: What is run as the lab; framework, home and ``--owner`` follow.
COMMAND = (sys.executable, "-m", "core.lab")
#: Seconds a lab may take from its start until it lets callers in (the framework's import comes after).
_START = 30.0
_LONGEST_LOG = 4 << 20
_LOST = "The preview's worker ended; it starts again with the next request."


class Lab:
    """One framework's lab of one home. Safe for many threads; each request has a line of its own.

    Args:
        framework: "pytorch" or "keras".
        root: The home: where models and runs live.
        command: What to run as the lab, for tests.
    """

    def __init__(self, framework: str, root: Path, *, command: tuple[str, ...] = COMMAND) -> None:
        self.framework, self.root = framework, Path(root)
        self._command = command
        self._idle: list[tuple[int, Line]] = []
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def ask(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        person: str = "",
        chart: str = "",
        timeout: float = 60,
        told: Told | None = None,
    ) -> dict[str, Any]:
        """The answer to a question; numpy arrays in it are arrays again.

        Args:
            method: As ``core.lab.methods`` knows it.
            params: Its parameters: values of JSON.
            person: Who asks; people take turns.
            chart: What for: a newer question of that person for that chart makes the older one raise Superseded.
            timeout: Seconds to wait for the answer, or for the next word on how far it is.
            told: Called now and then while a slow answer is made, in the thread that asks.

        Raises:
            PruneError: What the lab says, under the name it says it.
            Superseded: A newer question took this one's place.
            LabLost: The lab ended, or did not answer in time; the next question starts it again.
        """
        question: dict[str, Any] = {"method": method, "params": dict(params), "person": person, "chart": chart}
        if told is not None:
            question["progress"] = True
        raw = wire.encode(question)
        if len(raw) > wire.LONGEST_REQUEST:
            most = wire.LONGEST_REQUEST >> 20
            raise BadSetting(f"This question is {len(raw) >> 20} MiB long; the lab takes {most} MiB.")
        with self._line() as line:
            answer = _exchanged(line, raw, timeout, told)
        if "error" in answer:
            raise faults.revived(answer)
        found: dict[str, Any] = answer["answer"]
        return found

    def warm(self, after: float = 0) -> None:
        """Start the lab without waiting for it, so that the framework is there when the first question comes.

        ``after`` so many seconds: importing a framework takes a core for a while, which a page that is being drawn
        needs more.
        """
        if self.pid is not None:
            return
        if after:
            later = threading.Timer(after, self.warm)
            later.daemon = True
            later.start()
            return
        with self._lock:
            self._spawn()

    @property
    def pid(self) -> int | None:
        """The lab's process, None while there is none."""
        there = endpoint.read(self.root, self.framework)
        return there.pid if there is not None and birth(there.pid) is not None else None

    def close(self) -> None:
        """Hang up. The lab stays for other servers and ends when the last of them does."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, line in idle:
            line.close()

    @contextmanager
    def _line(self) -> Iterator[Line]:
        """A line of our own; it goes back to the pool only after a whole answer."""
        line, pid = self._taken() or self._connected()
        try:
            yield line
        except BaseException:
            line.close()
            raise
        with self._lock:
            self._idle.append((pid, line))

    def _taken(self) -> tuple[Line, int] | None:
        """A pooled line to a lab that lives; one with something to read was hung up on."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                pid, line = self._idle.pop()
            with suppress(OSError):
                if birth(pid) is not None and not line.poll(0):
                    return line, pid
            line.close()

    def _connected(self) -> tuple[Line, int]:
        """A new line, to a new lab if there is none."""
        found = self._tried()
        if found is not None:
            return found
        with self._starting:
            until = monotonic() + _START
            while monotonic() < until:
                found = self._tried()
                if found is not None:
                    return found
                with self._lock:
                    if self._child is None or self._child.poll() is not None:
                        self._fail_if_broken()
                        self._spawn()
                sleep(0.02)
        raise LabLost(f"The preview's worker did not start within {_START:.0f} seconds. {self._last_words()}")

    def _tried(self) -> tuple[Line, int] | None:
        there = endpoint.read(self.root, self.framework)
        if there is None:
            return None
        try:
            line = Client(there.address, there.family, authkey=there.key)
        except (OSError, EOFError, AuthenticationError):
            return None
        hello = {"method": "hello", "pid": os.getpid(), "born": birth(os.getpid())}
        try:
            _exchanged(line, wire.encode(hello), 10)
        except LabLost:
            line.close()
            return None
        return line, there.pid

    def _spawn(self) -> None:
        """Start the process; should another one be quicker, ours ends by itself. Called with the lock held."""
        if self._child is not None and self._child.poll() is None:
            return
        made(endpoint.folder(self.root))
        with _log(endpoint.log_file(self.root, self.framework)) as log:
            self._child = subprocess.Popen(
                [*self._command, self.framework, str(self.root), "--owner", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                env=_environment(),
                start_new_session=True,
            )
        # Collects the process whenever it ends; it may well outlive this object.
        threading.Thread(target=self._child.wait, name="lab-collector", daemon=True).start()

    def _fail_if_broken(self) -> None:
        """A lab that ended with an error will do so again at once: say so instead of trying forever."""
        child, self._child = self._child, None
        if child is not None and child.returncode > 0:
            raise LabLost(f"The preview's worker cannot start. {self._last_words()}")

    def _last_words(self) -> str:
        try:
            lines = endpoint.log_file(self.root, self.framework).read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return f"Its last words: {lines[-1][:300]}" if lines else "It left no message."


def _exchanged(line: Line, raw: bytes, timeout: float, told: Told | None = None) -> dict[str, Any]:
    """Send and wait; words on how far the answer is come before it.

    Raises:
        LabLost: The lab ended before its answer, or took too long.
    """
    try:
        line.send_bytes(raw)
        while line.poll(timeout):
            answer = wire.decode(line.recv_bytes(wire.LONGEST_ANSWER))
            if "progress" not in answer:
                return answer
            if told is not None:
                told(*answer["progress"])
        raise LabLost(f"The preview's worker did not answer within {timeout:.0f} seconds; ask again.")
    except LabLost:
        raise
    except (OSError, EOFError, wire.BadMessage) as err:
        raise LabLost(_LOST) from err


def _log(path: Path) -> BinaryIO:
    """The lab's log, begun anew when it has grown long."""
    long = path.exists() and path.stat().st_size > _LONGEST_LOG
    return path.open("wb" if long else "ab")


def _environment() -> dict[str, str]:
    """The child's environment: few threads, so that jobs and pages have cores too, and a quiet framework."""
    threads = str(max(1, min(4, (os.cpu_count() or 2) // 2)))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    quiet = {"TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    return {**os.environ, **dict.fromkeys(names, threads), **quiet, "PYTHONUNBUFFERED": "1"}
