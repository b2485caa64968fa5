"""``list``: what there is to choose from, read from the registries."""

import argparse
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from core.cli.output import Answer, table

#: What is listed -> where its registry is.
_REGISTRIES = {
    "criteria": ("core.criteria", "CRITERIA"),
    "structures": ("core.structures", "STRUCTURES"),
    "allocations": ("core.allocations", "ALLOCATIONS"),
    "budgets": ("core.budgets", "BUDGETS"),
    "schedules": ("core.schedules", "SCHEDULES"),
    "penalties": ("core.penalties", "PENALTIES"),
    "recoveries": ("core.recovery", "RECOVERIES"),
    "compressions": ("core.compression", "COMPRESSIONS"),
    "presets": ("core.compression", "PRESETS"),
    "formats": ("core.formats", "FORMATS"),
    "runtimes": ("core.runtimes", "RUNTIMES"),
    "datasets": ("core.datasets", "DATASETS"),
    "samples": ("sample_models", "SAMPLES"),
}
#: What a thing may say of itself, in the order of the columns.
_TOLD = (
    "name",
    "title",
    "task",
    "unit",
    "formula",
    "note",
    "about",
    "structures",
    "parameters",
    "accuracy",
    "reference",
)


def command(asked: argparse.Namespace) -> Answer:
    """List one registry."""
    module, name = _REGISTRIES[asked.what]
    rows = [_row(thing) for thing in getattr(import_module(module), name).values()]
    head = [told for told in _TOLD if any(told in row for row in rows)]
    cells = [[_written(row.get(told, "")) for told in head] for row in rows]
    return Answer({asked.what: rows}, table(head, cells))


def _row(thing: Any) -> dict[str, Any]:
    values = {told: getattr(thing, told) for told in _TOLD if hasattr(thing, told)}
    return {told: _plain(value) for told, value in values.items() if not callable(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple | frozenset) else value


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{name} {part:.4f}" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value
