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


def picked(event: Any, parameter: str, field: str) -> str | None:
    """The field of the one row that was clicked, None when nothing was."""
    chosen = event["selection"].get(parameter) if event else None
    return str(chosen[0][field]) if chosen and field in chosen[0] else None
