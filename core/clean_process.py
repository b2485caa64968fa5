"""A plain Python that sees one exported file, inputs, and the lines that open it: nothing of this project."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import temporary
from core.errors import JobFailed
from core.inputs import Inputs, arrays_of

#: Seconds a process may take; the framework's import is in it.
PATIENCE = 180
_SCRIPT = "import numpy as np\n\nx = {x}\n{snippet}\nnp.save('found.npy', np.asarray(y, np.float32))\n"


def sandbox(clean: Path, file: Path, file_name: str, snippet: str, x: Inputs) -> None:
    """Put into the folder what the process sees: the file (or folder) by its name, the inputs, and ``run.py``."""
    (shutil.copytree if file.is_dir() else shutil.copy)(file, clean / file_name)
    names = [f"x{number or ''}.npy" for number, _ in enumerate(arrays_of(x))]
    for name, array in zip(names, arrays_of(x), strict=True):
        np.save(clean / name, array)
    loaded = ", ".join(f'np.load("{name}")' for name in names)
    script = _SCRIPT.format(x=loaded if len(names) == 1 else f"({loaded})", snippet=snippet)
    (clean / "run.py").write_text(script, encoding="utf-8")


def opened(clean: Path) -> NDArray[np.float32]:
    """The outputs that the lines in a :func:`sandbox` give.

    Raises:
        JobFailed: The file does not open, in the words of whoever tried.
    """
    run(["-I", "run.py"], clean, "The exported file did not open in a clean process")
    found: NDArray[np.float32] = np.load(clean / "found.npy")
    return found


def outputs(file: Path, snippet: str, x: Inputs) -> NDArray[np.float32]:
    """What the snippet makes of the file in a clean process.

    Raises:
        JobFailed: The file does not open, in the words of whoever tried.
    """
    with temporary.folder("check") as clean:
        sandbox(clean, file, file.name, snippet, x)
        return opened(clean)


def run(arguments: Sequence[str], folder: Path, failure: str, patience: float = PATIENCE) -> None:
    """A Python process in the folder; standard error's last line is what is told where it fails.

    Raises:
        JobFailed: It ended badly, or did not end in time.
    """
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience,
        )
    except subprocess.TimeoutExpired as err:
        raise JobFailed(f"{failure}: no answer within {patience:.0f} s.") from err
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise JobFailed(f"{failure}: {last}")


def difference(expected: NDArray[Any], found: NDArray[Any]) -> float:
    """The largest difference of any output.

    Raises:
        JobFailed: The outputs have another shape.
    """
    if expected.shape != found.shape:
        raise JobFailed(f"In a clean process the outputs have shape {found.shape}; {expected.shape} was expected.")
    return float(np.abs(expected - found).max(initial=0.0))
