"""Train: prune and fine-tune in the background, watch it, stop it, take it up again."""

import streamlit as st

from core.charts.runs import moving
from core.charts.table import SHORT, entries
from pages.ui.page import link, need_model, page
from pages.ui.run_detail import run_detail
from pages.ui.run_table import run_table
from pages.ui.runs import all_runs, drawn, live, open_run, remember, settled
from pages.ui.start import start_bar, start_settings

with page("Train", "Prune, then fine-tune. It goes on in the background: you may close this page.") as state:
    plan = need_model(state)
    start_bar(state, plan)
    settings, work = st.columns([1, 2.4], gap="large")
    with settings:
        start_settings(state, plan)

    runs = all_runs(state)

    def watch() -> None:
        """The list and the open run; drawn again by itself while something runs."""
        now = all_runs(state)
        chosen = open_run(state, now)
        if chosen is None:
            st.info("No run yet. Start one above; the result of every run is listed here.")
            link("compare", "Compare shows all runs against size")
            return
        lines = drawn(now)
        run_table(SHORT, entries(lines), key="runs", chosen=chosen.id, on_open=lambda run: remember(state, run))
        run_detail(state, next(line for line in lines if line.run.id == chosen.id))
        if moving(runs) or moving(now):
            settled(state, runs)

    with work, st.container(key="runs_listed" if runs else "no_runs"):
        live(watch, runs)
