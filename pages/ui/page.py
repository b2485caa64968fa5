"""The frame of a page: strip, title, one sentence on what to do, and one place that catches errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import streamlit as st

from core.errors import PruneError, Superseded
from core.plan import Plan
from pages.ui.header import Header
from pages.ui.state import AppState, app_state


@contextmanager
def page(title: str, sentence: str, *, asks: bool = False) -> Iterator[AppState]:
    """Draw the frame, hand over the state, show a :class:`PruneError` as one sentence.

    ``asks``: the page needs the lab anyway, so the strip may ask it too; other pages never wait for it.
    ``with page("Prune", "Drag a threshold. Everything left of it goes.") as state: …``
    """
    state = app_state()
    header = Header(state)
    st.html(f'<div class="heading"><h1>{escape(title)}</h1><p>{escape(sentence)}</p></div>')
    try:
        yield state
    except PruneError as err:
        st.error(str(err))
    except Superseded:
        return  # a newer request of the same person draws the page
    if asks:
        header.fill()
    if state.notice:
        st.toast(state.notice)
        state.notice = ""


def need_model(state: AppState) -> Plan:
    """The plan being edited; without one, stop here with a way on."""
    if state.plan is None:
        st.info("Choose a model first.")
        link("model", "Go to Model")
        st.stop()
    return state.plan


def go(name: str, **query: str) -> None:
    """Open another page ("train"), staying in this workspace."""
    st.switch_page(f"pages/screens/{name}.py", query_params={"ws": app_state().workspace, **query})


def link(name: str, label: str, *, icon: str | None = None, **query: str) -> Any:
    """A link to another page that stays in this workspace."""
    return st.page_link(
        f"pages/screens/{name}.py", label=label, icon=icon, query_params={"ws": app_state().workspace, **query}
    )
