"""What survives a reload: one small JSON file per workspace, written whole or not at all."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import paths
from core.errors import PruneError, Unavailable
from core.jobs.workspaces import checked
from core.plan import Plan

#: Sparsity, quality, and the method that led there, oldest first.
Trail = tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class Choices:
    """The plan being edited, what was measured by hand, and how charts are set (plain JSON by name)."""

    plan: Plan | None = None
    trail: Trail = ()
    views: Mapping[str, Any] = field(default_factory=dict)


def _file(workspace: str) -> Path:
    return paths.home() / "workspaces" / f"{checked(workspace)}.json"


def stamp(workspace: str) -> int:
    """When the file was last written; 0 for never."""
    try:
        return _file(workspace).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def load(workspace: str) -> Choices:
    """What was kept; fresh choices where nothing was, or nothing that this version understands."""
    try:
        kept = json.loads(_file(workspace).read_text(encoding="utf-8"))
        plan = Plan.from_dict(kept["plan"]) if kept["plan"] else None
        trail = tuple((float(s), float(a), str(by[0]) if by else "") for s, a, *by in kept["trail"])
        return Choices(plan, trail, dict(kept["views"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError, PruneError):
        return Choices()


def save(workspace: str, choices: Choices) -> int:
    """Keep them, and return the new :func:`stamp`.

    Raises:
        Unavailable: The disk does not take them.
    """
    file = _file(workspace)
    kept = {
        "plan": choices.plan.to_dict() if choices.plan else None,
        "trail": choices.trail,
        "views": dict(choices.views),
    }
    try:
        paths.made(file.parent)
        draft = file.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(kept), encoding="utf-8")
        draft.replace(file)
    except OSError as err:
        raise Unavailable(f"The choices of this workspace cannot be kept: {err.strerror or err}.") from err
    return file.stat().st_mtime_ns
