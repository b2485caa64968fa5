"""Every method of every registry, searched as it is typed."""

import re
from collections.abc import Iterable
from html import escape

import streamlit as st

from core.catalogue import Method, methods, searched
from pages.ui.settings import viewed
from pages.ui.state import AppState

_ANY = "all"
_CODE = r"<code>\1</code>"
_HEAD = ("method", "what it is", "needs", "structures", "frameworks", "paper")


def methods_table(state: AppState) -> None:
    """A search field, the kinds, and the table of what was found."""
    kinds = [_ANY, *dict.fromkeys(one.kind for one in methods())]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            "Search", key="method_words", placeholder="name, formula, paper …", live=True, width=300, max_chars=80
        )
        st.pills(
            "Kind",
            kinds,
            required=True,
            wrap=True,
            label_visibility="collapsed",
            **viewed(state, "method_kind", "inspect.kind", _ANY, kinds),
        )
    kind = state.view("inspect.kind", _ANY)
    found = searched(words or "", None if kind == _ANY else kind)
    if not found:
        st.info(f"No method has “{words}” in its name, formula, needs or paper.")
        return
    st.html(table(found))
    st.caption(f"{len(found)} of {len(methods())} methods. All work on the same arrays in both frameworks.")


def table(found: Iterable[Method]) -> str:
    """The methods as an HTML table."""
    head = "".join(f"<th>{name}</th>" for name in _HEAD)
    body = "".join(_row(one) for one in found)
    return (
        f'<div class="scroll"><table class="layers methods"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(one: Method) -> str:
    cells = (one.what, one.needs or "–", one.structures, one.frameworks, one.paper or "–")
    body = "".join(f"<td>{re.sub('`(.+?)`', _CODE, escape(cell))}</td>" for cell in cells)
    return (
        f"<tr><th>{escape(one.title)}<small>{escape(one.kind)} <code>{escape(one.name)}</code></small></th>{body}</tr>"
    )
