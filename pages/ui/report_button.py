"""A button that hands over the report: one page of a run, or of several side by side."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.jobs.job import Run
from core.reporting import file_name, of_run, page
from pages.ui.services import data_title, engine, home

_ABOUT = "One page with everything measured, to read, print or send; it opens anywhere, offline."


def report_button(workspace: str, runs: Sequence[Run], *, key: str, described: bool = False) -> None:
    """The button; the page is made when it is clicked. Nothing without runs.

    ``described``: in a row of its own with what is in it, as other downloads are.
    """
    if not runs:
        return
    spot: Any = st
    if described:
        spot, words = st.columns([1, 1.9], vertical_alignment="center")
        words.caption(_ABOUT)
    does, place = engine(), home()
    named = {run.id: data_title(workspace, run.plan.data.name) for run in runs}

    def made() -> bytes:
        """Asked for in a thread that has no page."""
        subjects = [of_run(run, does.events(run.id), place, data=named[run.id]) for run in runs]
        return page(subjects).encode()

    spot.download_button(
        "Report" if len(runs) == 1 else f"Report of {len(runs)} runs",
        made,
        file_name=file_name(runs),
        mime="text/html",
        key=key,
        icon=":material/description:",
        help=None if described else _ABOUT,
        width="stretch" if described else "content",
        on_click="ignore",
    )
