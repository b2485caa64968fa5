"""Export: take a finished run away, proved to open without this app."""

import streamlit as st

from core.charts.runs import achieved, titles
from core.charts.words import plan_line
from core.exports import exports
from core.jobs.job import JobState
from pages.ui.downloads import downloads
from pages.ui.formats import formats
from pages.ui.page import link, need_model, page
from pages.ui.proof import proof
from pages.ui.report_button import report_button
from pages.ui.runs import open_run, remember, runs_of_model
from pages.ui.shrunk import shrunk
from pages.ui.state import show, widget

with page("Export", "Take the pruned model away. What you get was opened in plain Python before.") as state:
    need_model(state)
    done = [run for run in runs_of_model(state) if run.state is JobState.DONE]
    chosen = open_run(state, done)
    if chosen is None:
        st.info("No run of this model is finished yet.")
        link("train", "Start one on Train")
    else:
        named = titles(done)
        show("export_run", chosen.id)
        st.selectbox(
            "Finished run",
            list(named),
            key="export_run",
            format_func=named.__getitem__,
            width=420,
            on_change=lambda: remember(state, widget("export_run")),
        )
        st.caption(plan_line(chosen.plan, achieved(chosen)))
        left, right = st.columns([1, 1.2], gap="large")
        with left:
            files = exports(chosen)
            downloads(files)
            report_button(state.workspace, [chosen], key="run_report", described=True)
            shrunk(chosen)
        with right:
            proof(chosen, files[0])
        formats(chosen, files[0].path)
