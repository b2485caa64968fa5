"""Runs as a table that is refreshed in place: sorting, focus and scroll stay; a click opens a run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from core.charts.table import Column, Entry
from pages.ui.state import widget

_HERE = Path(__file__).parent


def _read(suffix: str) -> str:
    return (_HERE / f"run_table.{suffix}").read_text(encoding="utf-8")


_MOUNT = st.components.v2.component("topiary_runs", html=_read("html"), css=_read("css"), js=_read("js"))


def run_table(
    columns: Sequence[Column], entries: Sequence[Entry], *, key: str, chosen: str | None, on_open: Callable[[str], None]
) -> None:
    """Mount the table; ``on_open`` is called with a run's id when its row is clicked."""

    def report() -> None:
        state = widget(key)
        opened = state.get("open") if state else None
        if opened:
            on_open(str(opened))

    data = {"columns": [asdict(c) for c in columns], "entries": [asdict(e) for e in entries], "chosen": chosen or ""}
    _MOUNT(key=key, data=data, on_open_change=report)
