"""The stored table of what is removed from which network is well formed, and its general part still true."""

import runpy
from pathlib import Path

from sample_models.architectures import ARCHITECTURES

TABLE = runpy.run_path(str(Path(__file__).parent / "coverage.py"))


def test_what_is_never_removed_is_as_stored():
    assert TABLE["kept"]() == TABLE["stored"]()["kept"], "Run: python tests/unit/project/coverage.py"


def test_every_architecture_is_in_it_and_everything_not_removed_has_a_reason():
    for framework in TABLE["FRAMEWORKS"]:
        part = TABLE["stored"]()[framework]
        assert part.keys() == ARCHITECTURES.keys()
        for layers in part.values():
            assert any(entry["what"] == "removed" for entry in layers.values())
            assert all(entry["reason"] for entry in layers.values() if entry["what"] in ("zeroed", "untouched"))
