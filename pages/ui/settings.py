"""Widgets that show what the plan says, and put into the plan what a person sets."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.plan import Plan
from pages.ui.state import AppState, show, widget


def bound(
    state: AppState, key: str, value: Any, change: Callable[[Plan, Any], Plan], *, folded: bool = False
) -> dict[str, Any]:
    """The ``key`` and ``on_change`` of a widget that edits the plan; undo and redo know of it.

    ``folded``: it lies in a popover. The browser makes such a widget only when it is opened, and knows then only what
    came with the last run: the value goes along with every run, or the widget's own least value takes its place.
    """
    if folded:
        st.session_state[key] = value
    else:
        show(key, value)

    def edit() -> None:
        given = widget(key)
        if state.plan is not None and given is not None:
            state.edit(change(state.plan, given))

    return {"key": key, "on_change": edit}


def viewed(state: AppState, key: str, name: str, default: Any, options: Sequence[Any] | None = None) -> dict[str, Any]:
    """The ``key`` and ``on_change`` of a widget that sets how a page is looked at; survives a reload.

    With ``options``, a remembered value that is none of them (another model's layer) gives way to the default.
    """
    if options is not None and state.view(name, default) not in options:
        state.set_view(name, default)
    show(key, state.view(name, default))

    def remember() -> None:
        given = widget(key)
        if given is not None:
            state.set_view(name, given)

    return {"key": key, "on_change": remember}


def folder(title: str, said: str) -> Any:
    """An expander whose title never changes: the browser folds one that gets another, in the middle of somebody's work.

    What is set in it is ``said`` under it, so that it shows while it is folded.
    """
    with st.container(gap="xxsmall"):
        made = st.expander(title)
        if said:
            st.caption(f"{said[0].upper()}{said[1:]}.")
    return made
