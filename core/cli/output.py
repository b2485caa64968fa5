"""Two ways to answer: one JSON object alone on standard output, or tables for a person."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.artefacts import finite


@dataclass(frozen=True)
class Answer:
    """What a command found: ``values`` for ``--json``, ``text`` for a person."""

    values: dict[str, Any]
    text: str


@contextmanager
def json_only(wanted: bool) -> Iterator[None]:
    """While the block runs, whatever a library prints goes to standard error, C code included."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def show(answer: Answer, as_json: bool) -> None:
    """Print it; a reader that went away (``| head``) is no error."""
    text = json.dumps(finite(answer.values), allow_nan=False) if as_json else answer.text
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def say(sentence: str) -> None:
    """One line for the person, on standard error."""
    print(f"topiary: {sentence}", file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns under their heads; numbers to the right."""
    cells = [[_written(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [bool(rows) and all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        sides = zip(row, widths, right, strict=True)
        return "  ".join(cell.rjust(width) if to else cell.ljust(width) for cell, width, to in sides).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, cells)])


def _written(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
