"""Temporary folders of killed processes."""

import os
import subprocess
import sys
import tempfile

import pytest

from core import temporary
from core.paths import PROJECT

KILLED = "import os; from core import temporary\nwith temporary.folder('int8') as f: print(f, flush=True); os._exit(9)"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where temporary folders are made; those that are there count as old enough."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(temporary, "_BIRTH", -1.0)
    return tmp_path


def test_what_a_killed_process_left_goes_at_the_next_start_and_nothing_else(place):
    environment = {**os.environ, "TMPDIR": str(place)}
    program = [sys.executable, "-c", KILLED]
    subprocess.run(program, cwd=PROJECT, env=environment, capture_output=True, check=False)
    (place / "topiary-of-a-person").mkdir()
    (left,) = place.glob("topiary-int8-*")
    with temporary.folder("check") as held:
        assert not left.exists()
        temporary.sweep()
        assert held.is_dir(), "somebody works in it"
    assert [one.name for one in place.iterdir()] == ["topiary-of-a-person"]


def test_a_folder_that_was_just_made_is_left_alone(place, monkeypatch):
    (place / "topiary-new").mkdir()
    (place / "topiary-new" / ".held").touch()
    monkeypatch.setattr(temporary, "_BIRTH", 60.0)
    temporary.sweep()
    assert (place / "topiary-new").is_dir()
