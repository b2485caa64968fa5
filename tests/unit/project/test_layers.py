"""Imports point one way: pages -> core -> backends -> framework."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: Package -> the places that may import it.
MAY_IMPORT = {
    "streamlit": ("app.py", "pages/"),
    "torch": ("core/backends/pytorch/", "sample_models/"),
    "tensorflow": ("core/backends/keras/", "sample_models/"),
    "keras": ("core/backends/keras/", "sample_models/"),
    "pages": ("app.py", "pages/"),
}
FOLDERS = ("core", "pages", "sample_models")
SOURCES = sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")) + [ROOT / "app.py"]


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.fixture(scope="module")
def imports():
    """By place of a source, what it imports."""
    found = {path: imported(ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES}
    return {path.relative_to(ROOT).as_posix(): names for path, names in found.items()}


def test_files_import_only_what_their_room_may(imports):
    strays = [
        f"{place} imports {name}"
        for place, names in imports.items()
        for name in {name.split(".")[0] for name in names} & set(MAY_IMPORT)
        if not place.startswith(MAY_IMPORT[name])
    ]
    assert not strays


def test_no_file_outside_the_seam_reaches_into_a_frameworks_room(imports):
    rooms = {"core.backends.pytorch": "core/backends/pytorch/", "core.backends.keras": "core/backends/keras/"}
    strays = [
        f"{place} imports {name}; go through core.backends"
        for place, names in imports.items()
        for name in names
        for room, home in rooms.items()
        if name.startswith(room) and not place.startswith(home)
    ]
    assert not strays


LIGHT = {
    "core": "import core.plan, core.pruning, core.backends.pytorch, core.backends.keras, core.experiment",
    "samples and data": "import sample_models, core.datasets; [*sample_models.SAMPLES, *core.datasets.DATASETS]",
    "lab client and jobs": "import core.lab.client, core.jobs.local, core.jobs.store",
    "charts": "import core.charts",
    "command line": "import core.__main__",
}


@pytest.mark.parametrize("what", LIGHT)
def test_importing_brings_in_no_framework(what):
    program = f"import sys\n{LIGHT[what]}\nprint([n for n in ('torch', 'tensorflow', 'keras') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
