"""The units of a layer side by side, each with what it responds to; a click chooses one."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.state import widget

_HERE = Path(__file__).parent


def _read(suffix: str) -> str:
    return (_HERE / f"units.{suffix}").read_text(encoding="utf-8")


_MOUNT = st.components.v2.component("topiary_units", html=_read("html"), css=_read("css"), js=_read("js"))


def units(tiles: Sequence[Mapping[str, Any]], *, chosen: int | None, key: str, on_pick: Callable[[int], None]) -> None:
    """Mount them; ``on_pick`` is called with the unit that was clicked."""

    def report() -> None:
        state = widget(key)
        unit = state.get("pick") if state else None
        if unit is not None:
            on_pick(int(unit))

    _MOUNT(key=key, data={"units": list(tiles), "chosen": chosen}, on_pick_change=report)
