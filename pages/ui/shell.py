"""What stands around every page: workspace, navigation, brand."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from core.errors import PruneError
from core.jobs.job import JobState
from core.jobs.workspaces import is_id, new_id
from pages.ui.services import engine
from pages.ui.state import AppState, enter, entered
from pages.ui.style import style

_SCREENS = Path(__file__).resolve().parents[1] / "screens"


@dataclass(frozen=True)
class Screen:
    """One page: its script, its title, its path in the URL (None for the first page)."""

    file: str
    title: str
    path: str | None


SCREENS = (
    Screen("model", "Model", None),
    Screen("look", "Inspect", "inspect"),
    Screen("prune", "Prune", "prune"),
    Screen("train", "Train", "train"),
    Screen("compare", "Compare", "compare"),
    Screen("export", "Export", "export"),
)


def navigate() -> Page:
    """Enter the workspace of the URL, draw the sidebar, and return the page to run."""
    st.html(style())
    pages = {s.file: _page(s) for s in SCREENS}
    current = st.navigation(list(pages.values()), position="hidden")
    state = enter(_workspace())
    state.page = current.title
    with st.sidebar:
        _sidebar(state, pages, current.title)
    return current


def _page(screen: Screen) -> Page:
    return st.Page(
        _SCREENS / f"{screen.file}.py",
        title=screen.title,
        url_path=screen.path,
        default=screen.path is None,
    )


def _workspace() -> str:
    """The workspace the URL names; else the one this session is in; else a new one. The URL always names it after."""
    asked, here = st.query_params.get("ws"), entered()
    if asked and is_id(asked):
        return asked
    workspace = here or new_id()
    st.query_params["ws"] = workspace
    return workspace


def _sidebar(state: AppState, pages: dict[str, Page], current: str) -> None:
    st.html('<div class="brand"><i></i>Topiary</div>')
    if _running(state.workspace):
        st.fragment(_watched_links, run_every=3.0)(state, pages, current)
    else:
        _links(state, pages, current, 0)
    name = state.workspace.rsplit("-", 1)[0]  # the rest is the secret; it need not be on a projector
    st.html(f'<div class="workspace">This workspace<b>{escape(name)}</b></div>')


def _watched_links(state: AppState, pages: dict[str, Page], current: str) -> None:
    """The pages, while runs are going: how many is looked up again."""
    _links(state, pages, current, _running(state.workspace))


def _links(state: AppState, pages: dict[str, Page], current: str, running: int) -> None:
    for screen in SCREENS:
        label = f"**{screen.title}**" if screen.title == current else screen.title
        if screen.file == "train" and running:
            label = f"{label} :gray[· {running} running]"
        st.page_link(pages[screen.file], label=label, query_params={"ws": state.workspace})


def _running(workspace: str) -> int:
    try:
        return sum(run.state is JobState.RUNNING for run in engine().list(workspace))
    except PruneError:
        return 0
