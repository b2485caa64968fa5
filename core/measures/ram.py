"""Memory that a loaded network takes: seen from outside, in a process that does nothing else."""

import subprocess
import sys
from pathlib import Path

#: Seconds a clean process may take to load a network a few times.
SECONDS = 60.0
#: Bytes of further copies that are wanted, and how many there are at most: small networks are lost among pages.
_WORTH, _MOST = 96 << 20, 24

#: The first copy also pays for what the library sets up; further ones are only themselves.
_SCRIPT = """
import sys
import psutil
{loader}
def resident():
    return psutil.Process().memory_info().rss

kept = [load(sys.argv[1])]
start = resident()
kept += [load(sys.argv[1]) for _ in range(int(sys.argv[2]))]
print(round((resident() - start) / int(sys.argv[2])))
"""


def resident(loader: str, file: Path, *, seconds: float = SECONDS) -> int | None:
    """Bytes that one more copy of a file's network takes in memory; None where that cannot be told.

    Args:
        loader: Python that defines ``load(path)`` (:attr:`core.runtimes.Runtime.loader`).
        file: What it loads.
        seconds: After so long the process is ended.
    """
    copies = int(min(_MOST, max(1, _WORTH // max(file.stat().st_size, 1))))
    command = [sys.executable, "-I", "-c", _SCRIPT.format(loader=loader), str(file), str(copies)]
    try:
        found = subprocess.run(command, capture_output=True, check=True, timeout=seconds, text=True)
        return max(0, int(found.stdout.split()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
