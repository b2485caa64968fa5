"""Charts on a page: the palette of the mode it is in, rows sent beside a cached specification."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.charts.specification import Row, Spec
from core.charts.theme import Palette, palette


def mode() -> str:
    """``"dark"`` or ``"light"``, as the person's browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def theme() -> Palette:
    """The palette of that mode."""
    return palette(mode())


def chart(rows: Sequence[Row], spec: Spec, *, key: str, alt: str) -> None:
    """A chart that only shows. New rows are swapped into the living view."""
    with st.container(key=key):
        st.vega_lite_chart(list(rows), spec, key=f"{key}_chart", alt=alt)


def picks(event: Any, parameter: str) -> list[dict[str, Any]]:
    """The points that were clicked an odd number of times."""
    chosen = event["selection"].get(parameter) if event else None
    return [dict(point) for point in chosen or ()]


def clicked(now: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The point whose click made one selection into the other; None where nothing was clicked, as after zooming."""
    changed = [point for point in (*now, *before) if (point in now) != (point in before)]
    return changed[0] if changed else None
