"""A file nobody vouches for is opened first in a process that can be thrown away: ``python -m core.lab.check``.

The process has a memory limit and a time limit, and somebody who watches both. It prints its verdict as one line of
JSON and ends. Whatever happens in there, the lab only ever sees a verdict, or that there was none.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil

from core.backends import backend
from core.errors import PruneError, RefusedFile
from core.lab import faults
from core.paths import PROJECT

#: Seconds a file may take to open, framework included.
SECONDS = 120.0
#: Memory of an idle framework, and how many times its own size a file may need beyond.
BASE_BYTES = 2 << 30
TIMES_FILE = 4
#: Libraries reserve far more addresses than memory; beyond this it is no accident.
_ADDRESSES = 24 << 30
COMMAND = (sys.executable, "-m", "core.lab.check")


def tried(
    framework: str,
    path: Path,
    architecture: str | None = None,
    *,
    seconds: float = SECONDS,
    memory: int | None = None,
    command: tuple[str, ...] | None = None,
    into: Path | None = None,
) -> tuple[str, ...]:
    """Open a file in a throw-away process. Returns what it notes of the network.

    Args:
        framework: Whose file it is.
        path: The file.
        architecture: As :meth:`core.backends._base.Backend.load` takes it.
        seconds: After so long the process is ended.
        memory: Resident bytes after which it is ended; by default 2 GiB and four times the file.
        command: What to run instead, for tests.
        into: Where to write the network in the framework's own format, its suffix included.

    Raises:
        PruneError: What the backend said of the file.
        RefusedFile: It took too long, or too much memory, or brought the process down.
    """
    memory = memory or BASE_BYTES + TIMES_FILE * path.stat().st_size
    arguments = [*(command or COMMAND), framework, str(path), *([architecture] if architecture else [])]
    arguments += ["--into", str(into)] if into else []
    with subprocess.Popen(
        [*arguments, "--seconds", str(int(seconds) + 5)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=PROJECT,
        start_new_session=True,
    ) as child:
        try:
            reason = _watched(child, seconds, memory)
        finally:
            ended(child)
        out = child.stdout.read() if child.stdout else b""
    if reason:
        raise RefusedFile(f'"{path.name}" {reason} It was not opened.')
    try:
        verdict = json.loads(out.splitlines()[-1])
    except (ValueError, IndexError):
        raise RefusedFile(
            f'"{path.name}" brought down the process that tried to open it. The file is damaged or not a model; '
            "save it anew from its own framework."
        ) from None
    if verdict.get("error"):
        raise faults.revived(verdict)
    return tuple(verdict.get("notes", ()))


def _watched(child: "subprocess.Popen[bytes]", seconds: float, memory: int) -> str:
    """Wait for the end; why it was ended instead, "" if it was not."""
    begin, process = monotonic(), psutil.Process(child.pid)
    while child.poll() is None:
        with suppress(psutil.Error):
            if process.memory_info().rss > memory:
                return f"needs more than {memory / (1 << 30):.1f} GiB of memory to open."
        if monotonic() - begin > seconds:
            return f"was still not open after {seconds:.0f} seconds."
        sleep(0.02)
    return ""


def ended(child: "subprocess.Popen[bytes]") -> None:
    """The process and everything it started is gone."""
    if child.poll() is None:
        if sys.platform == "win32":
            child.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def main() -> int:
    """Open one file and print the verdict: ``{"notes": sentences}`` or ``{"error": name, "message": sentence}``."""
    parser = argparse.ArgumentParser(prog="python -m core.lab.check", description=__doc__)
    parser.add_argument("framework")
    parser.add_argument("path", type=Path)
    parser.add_argument("architecture", nargs="?")
    parser.add_argument("--seconds", type=int, default=int(SECONDS))
    parser.add_argument("--into", type=Path)
    told = parser.parse_args()
    verdict_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not part of the verdict
    _limit(told.seconds)
    try:
        opener = backend(told.framework)
        opener.vet(told.path)  # most bad files are told without the seconds a framework takes
        network = opener.load(told.path, told.architecture)
        network.graph()
        if told.into:
            network.save(told.into)
        verdict: dict[str, Any] = {"notes": network.notes}
    except PruneError as err:
        verdict = faults.told(err)
    except MemoryError:
        verdict = faults.told(RefusedFile(f'"{told.path.name}" needs more memory to open than there is.'))
    print(json.dumps(verdict), file=verdict_to, flush=True)
    return 0


def _limit(seconds: int) -> None:
    if sys.platform != "win32":
        import resource

        signal.alarm(seconds)  # should the watcher be gone, the system ends this process
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
