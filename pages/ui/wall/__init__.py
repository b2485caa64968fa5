"""All layers as a wall of small histograms; a click opens one."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from core.charts.wall import Tile
from pages.ui.state import widget

_HERE = Path(__file__).parent


def _read(suffix: str) -> str:
    return (_HERE / f"wall.{suffix}").read_text(encoding="utf-8")


_MOUNT = st.components.v2.component("topiary_wall", html=_read("html"), css=_read("css"), js=_read("js"))


def wall(tiles: Sequence[Tile], *, key: str, on_open: Callable[[str], None] | None = None) -> None:
    """Mount the wall; ``on_open`` is called with the layer's name when its tile is clicked, None only shows."""

    def report() -> None:
        state = widget(key)
        layer = state.get("open") if state else None
        if layer and on_open is not None:
            on_open(str(layer))

    _MOUNT(
        key=key, data={"tiles": [asdict(tile) for tile in tiles], "opens": on_open is not None}, on_open_change=report
    )
