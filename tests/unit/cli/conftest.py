import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.cli import main

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Spoken:
    """What a command line answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON object it must be."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def topiary(*arguments: object, home: Path | None = None) -> Spoken:
    """Say something to the command line in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOPIARY_HOME": str(home or "/nonexistent/topiary")}
    done = subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    return Spoken(done.returncode, done.stdout, done.stderr)


def topiary_here(*arguments: object, capture: pytest.CaptureFixture[str]) -> Spoken:
    """The same in this process: for what ends before a framework is imported."""
    try:
        status = main([*map(str, arguments)])
    except SystemExit as end:  # argparse's way to refuse
        status = int(end.code or 0)
    return Spoken(status, *capture.readouterr())


def refused(spoken: Spoken) -> str:
    """The one sentence of a wrong request."""
    assert spoken.status == 2, spoken
    assert spoken.out == "" and "Traceback" not in spoken.err
    lines = spoken.err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]
