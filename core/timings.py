"""Measured speeds, kept by what they were measured of: network, plan, batch sizes, threads, runtimes, machine."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core import paths
from core.artefacts import write_json
from core.errors import Unavailable
from core.measures.speed import usual_threads
from core.runtimes import RUNTIMES

#: Measurements kept; the oldest go first.
_MOST = 300
_PACKAGES = ("torch", "keras", "tensorflow", "onnxruntime", "ai-edge-litert")


def mark(model: Path, plan: str, batches: Sequence[int]) -> str:
    """What a measurement is found again by: equal for equal networks under equal plans, measured alike.

    Args:
        model: The network's file; its content counts, not its name.
        plan: A mark of all that decides what the plan removes.
        batches: Samples in a batch.

    Raises:
        Unavailable: The network's file is gone.
    """
    try:
        told = model.stat()
    except OSError as err:
        raise Unavailable(f'"{model.name}" cannot be read any more: {err.strerror or err}.') from err
    settings = {"batches": list(batches), "threads": usual_threads(), "runtimes": list(RUNTIMES), "with": _machine()}
    asked = json.dumps([_digest(model, told.st_size, told.st_mtime_ns), plan, settings], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


def kept(home: Path, mark: str) -> dict[str, Any] | None:
    """The answer of the lab under that mark, None where nobody measured it."""
    try:
        found = json.loads(paths.timing_file(home, mark).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def keep(home: Path, mark: str, answer: Mapping[str, Any]) -> None:
    """Remember what the lab measured.

    Raises:
        Unavailable: The disk does not take it.
    """
    file = paths.timing_file(home, mark)
    paths.made(file.parent)
    write_json(file, answer)
    known = sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)
    for old in known[:-_MOST]:
        old.unlink(missing_ok=True)


@lru_cache(maxsize=64)
def _digest(file: Path, size: int, changed: int) -> str:
    """Of the content, read once as long as the file stays as it is."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@lru_cache(maxsize=1)
def _machine() -> dict[str, str]:
    """What else a time depends on."""
    found = {"machine": platform.node()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
