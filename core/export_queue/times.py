"""How long formats took to make, to tell whoever waits how long it will be."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from core import paths
from core.artefacts import write_json

#: Of so many of the latest it is remembered.
_MOST = 300


def remember(home: Path, model: str, kind: str, name: str, seconds: float) -> None:
    """Keep how long a format of a model took.

    Args:
        home: Where it is kept.
        model: The plan's reference.
        kind: Suffix of the file, which tells the framework.
        name: Of the format.
        seconds: From its turn to its end.

    Raises:
        Unavailable: The disk does not take it.
    """
    taken = {"model": model, "kind": kind, "name": name, "seconds": round(seconds, 1)}
    write_json(paths.export_times(home), {"times": [*_kept(home), taken][-_MOST:]})


def expected(home: Path, model: str, kind: str, name: str) -> float | None:
    """Seconds it took last for this model, else usually for others of the framework; None where nobody made it."""
    alike = [one for one in _kept(home) if one.get("name") == name and one.get("kind") == kind]
    same = [one for one in alike if one.get("model") == model]
    chosen: Sequence[dict[str, Any]] = same[-1:] or alike
    return median(float(one["seconds"]) for one in chosen) if chosen else None


def _kept(home: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(paths.export_times(home).read_text(encoding="utf-8"))["times"]
        return [one for one in found if isinstance(one["seconds"], int | float)]
    except (OSError, ValueError, TypeError, KeyError):
        return []
