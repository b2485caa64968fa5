"""The threshold on a layer's histogram, dragged in the browser; Python hears of it once, when it is let go."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.state import widget

_HERE = Path(__file__).parent


def _read(suffix: str) -> str:
    return (_HERE / f"threshold.{suffix}").read_text(encoding="utf-8")


_MOUNT = st.components.v2.component("topiary_threshold", html=_read("html"), css=_read("css"), js=_read("js"))


@dataclass(frozen=True)
class Row:
    """What one row shows.

    ``counts`` are those of equal bins of the scores from ``low`` to ``high``, equal on a logarithmic axis with
    ``log``; ``drawing`` changes when they do. ``removed`` of ``size`` go, exactly, all scores below ``threshold``.
    ``held`` has a count of its own; ``excluded`` stays whole.
    """

    pool: str
    label: str
    shape: str
    unit: str
    size: int
    low: float
    high: float
    counts: Sequence[int]
    drawing: str
    removed: int
    threshold: float
    symbol: str
    log: bool = False
    held: bool = False
    excluded: bool = False
    note: str = ""


@dataclass(frozen=True)
class Edit:
    """One gesture: ``act`` is "threshold", "share", "lock" or "leave out"."""

    pool: str
    act: str
    value: float | bool
    session: str


def threshold(row: Row, *, key: str, session: str, on_edit: Callable[[Edit], None]) -> None:
    """Mount a row; ``on_edit`` is called once per finished gesture, before the page is drawn again."""

    def report() -> None:
        edit = _edit(widget(key))
        if edit is not None and edit.session == session:
            on_edit(edit)

    # Nested: Streamlit looks through the outer values for tables, half the cost of a row.
    _MOUNT(key=key, data={"row": {**vars(row), "session": session}}, on_edit_change=report)


def _edit(state: Any) -> Edit | None:
    given = state.get("edit") if isinstance(state, Mapping) else getattr(state, "edit", None)
    if not isinstance(given, Mapping):
        return None
    try:
        return Edit(str(given["pool"]), str(given["act"]), given["value"], str(given["session"]))
    except KeyError:
        return None
