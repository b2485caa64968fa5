"""A piece of HTML with SVG, in the app's colours. (``st.html`` drops SVG.) The caller escapes what it puts in."""

from pathlib import Path

import streamlit as st

_SHOW = """export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".panel");
  if (root.shown !== data.html) { root.innerHTML = data.html; root.shown = data.html; }
}
"""
_HTML = """<div class="panel">
</div>"""
_MOUNT = st.components.v2.component(
    "topiary_panel", html=_HTML, css=Path(__file__).with_name("panel.css").read_text(encoding="utf-8"), js=_SHOW
)


def panel(html: str, *, key: str) -> None:
    """Show it."""
    _MOUNT(key=key, data={"html": html})
