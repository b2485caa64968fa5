"""Whether ``torch.compile`` works on this machine: it needs a C++ compiler and Python's header files."""

import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from core.errors import Unavailable

#: Seconds that one addition may take to compile before we take it that it never will be.
SECONDS = 90.0
_TINY = "import torch; torch.compile(lambda x: x.sin() + 1)(torch.ones(3))"


@cache
def refusal() -> str:
    """ "", or what is missing. Looks only, so that it costs nothing."""
    compiler = os.environ.get("CXX", "g++" if sys.platform == "linux" else "clang++")
    if sys.platform == "win32":
        compiler = os.environ.get("CXX", "cl")
    if shutil.which(compiler) is None:
        return f'torch.compile needs a C++ compiler, and there is no "{compiler}" on this machine.'
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return "torch.compile needs Python's header files (Python.h), and they are not installed on this machine."
    return ""


@cache
def probe(seconds: float = SECONDS) -> None:
    """Compile one addition in a process that can be ended, so that nothing of ours ever hangs in a compiler.

    Raises:
        Unavailable: It fails, or takes too long.
    """
    told = refusal()
    if told:
        raise Unavailable(told)
    try:
        subprocess.run([sys.executable, "-c", _TINY], check=True, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired as err:
        raise Unavailable(f"torch.compile was not done with one addition after {seconds:.0f} seconds here.") from err
    except subprocess.CalledProcessError as err:
        lines = err.stderr.decode(errors="replace").strip().splitlines()
        raise Unavailable(f"torch.compile does not work on this machine: {lines[-1][:200] if lines else err}.") from err
