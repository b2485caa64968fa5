"""What the README says is what there is."""

import re
import runpy
from pathlib import Path

from core.criteria import CRITERIA

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_tables_match_the_registries():
    filled = runpy.run_path(str(HERE / "readme_tables.py"))["filled"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in CRITERIA)
    assert filled(text) == text, "Run: python tests/unit/project/readme_tables.py"


def test_every_file_the_readme_shows_or_names_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / path).is_file(), path
