"""Compare: quality against size, every run of this model, growing while they run."""

import streamlit as st

from core.charts.axes import AXES
from core.charts.quality import QUALITIES, qualities
from core.charts.runs import moving
from core.charts.table import FULL, columns, dense_entry, entries
from core.charts.tradeoff import regression, sinks, tradeoff_rows, tradeoff_spec, view_name
from core.jobs.job import JobState
from pages.ui.charts import clicked, mode, picks, theme
from pages.ui.page import link, need_model, page
from pages.ui.report_button import report_button
from pages.ui.run_table import run_table
from pages.ui.runs import drawn, live, open_run, remember, runs_of_model, settled
from pages.ui.settings import viewed
from pages.ui.state import AppState, widget


def view_bar(state: AppState, measures: list[str]) -> None:
    """How the chart is looked at; remembered in the workspace."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="view_bar"):
        st.segmented_control(
            "Quality means",
            measures,
            format_func=lambda name: QUALITIES[name].title,
            required=True,
            **viewed(state, "quality", "compare.quality", measures[0], measures),
        )
        st.segmented_control(
            "Size means",
            list(AXES),
            format_func=lambda name: AXES[name].short,
            required=True,
            **viewed(state, "size_axis", "compare.axis", "parameters"),
        )
        st.segmented_control(
            "Size axis", ["linear", "log"], required=True, **viewed(state, "size_scale", "compare.scale", "log")
        )
        st.toggle(
            "Near dense",
            help="Look at the ten points below the dense model; lower ones lie on the floor.",
            **viewed(state, "near_dense", "compare.near", True),
        )
        st.toggle(
            "Pareto front",
            help="Runs that none beats in both quality and size.",
            **viewed(state, "with_front", "compare.front", True),
        )
        st.toggle(
            "Controls",
            help="In grey: the dense model fine-tuned as long, and random pruning.",
            **viewed(state, "with_controls", "compare.controls", True),
        )


def open_picked(state: AppState) -> None:
    """A click on a line opens its run, however often the point was clicked before."""
    point = clicked(picks(widget("tradeoff"), "pick"), state.picks)
    if point is not None:
        remember(state, str(point["run"]))


with page("Compare", "Quality against size. Lines grow while their runs train.") as state:
    need_model(state)
    runs = runs_of_model(state)
    measures = qualities(regression(drawn(runs)))
    view_bar(state, measures)

    def watch() -> None:
        """Chart and table; drawn again by itself while something runs."""
        axis, log = state.view("compare.axis", "parameters"), state.view("compare.scale", "log") == "log"
        measure = state.view("compare.quality", measures[0])
        now = runs_of_model(state)
        chosen = open_run(state, now)
        lines = drawn(now)
        rows = tradeoff_rows(
            lines,
            axis,
            near=state.view("compare.near", True),
            with_front=state.view("compare.front", True),
            with_controls=state.view("compare.controls", True),
            chosen=chosen.id if chosen else None,
            measure=measure,
        )
        if not rows:
            st.info("Nothing was measured yet. Start a run of this model; its line grows here from dense to pruned.")
            link("train", "Go to Train")
            return
        spec = tradeoff_spec(axis, log, mode(), measure)
        event = st.vega_lite_chart(
            rows,
            spec,
            key="tradeoff",
            on_select=lambda: open_picked(state),
            selection_mode=["pick", view_name(axis, log)],
            alt=f"{QUALITIES[measure].title} against size, one line per run from dense to pruned",
        )
        state.picks = picks(event, "pick")
        sunk = " A triangle lies below the chart: switch *Near dense* off to see it." if sinks(rows) else ""
        st.caption(
            f"Drag to move, Ctrl and wheel to zoom, double-click to see all. Click a line to open its run.{sunk}"
        )
        first = dense_entry(lines, theme().ink)
        run_table(
            columns(FULL, regression(lines)),
            [*([first] if first else []), *entries(lines)],
            key="compare_runs",
            chosen=chosen.id if chosen else None,
            on_open=lambda run: remember(state, run),
        )
        if chosen:
            with st.container(horizontal=True, vertical_alignment="center"):
                if chosen.state is JobState.DONE:
                    with st.container(width="content", key="next"):
                        link("export", "Export", run=chosen.id)
                link("train", "Open in Train", run=chosen.id)
                report_button(state.workspace, now, key="compare_report")
        if moving(runs) or moving(now):
            settled(state, runs)

    live(watch, runs)
