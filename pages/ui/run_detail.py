"""The open run: where it stands, what can be done with it, how it learns."""

import streamlit as st

from core.charts.runs import Line, state_line, story, title
from core.charts.training import training_rows, training_spec
from core.charts.words import GAP, count, milliseconds, percent, plan_line, points, size
from core.jobs.job import JobState, Run
from core.measurement import Measurement
from pages.ui.charts import chart, mode
from pages.ui.page import link
from pages.ui.runs import ask, events
from pages.ui.services import engine
from pages.ui.state import AppState


def run_detail(state: AppState, line: Line) -> None:
    """Everything about one run."""
    run = line.run
    with st.container(key="open_run"):
        st.subheader(title(run, line.achieved), anchor=False)
        st.caption(plan_line(run.plan, line.achieved))
        if not run.state.finished:
            st.progress(run.progress, text=_progress_text(run))
        said = story(run)
        if said:
            (st.warning if run.state in (JobState.LOST, JobState.FAILED) else st.info)(said)
        _verbs(run)
        _result(run, line)
        _curves(run)


def _progress_text(run: Run) -> str:
    rate = f" · {run.rate:,.0f} batches a second" if run.rate and run.state is JobState.RUNNING else ""
    return f"{state_line(run)}{rate}"


def _verbs(run: Run) -> None:
    """What can be asked of it now; each button names its act."""
    does = engine()
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.state in (JobState.RUNNING, JobState.QUEUED):
            st.button("Pause", key="pause_run", disabled=run.asked is not None, on_click=ask, args=(does.pause, run.id))
        if run.state is JobState.PAUSED or run.asked == "pause":
            st.button("Resume", key="resume_run", type="primary", on_click=ask, args=(does.resume, run.id))
        if not run.state.finished:
            st.button(
                "Cancel", key="cancel_run", disabled=run.asked == "cancel", on_click=ask, args=(does.cancel, run.id)
            )
        if run.state.continuable:
            st.button("Continue", key="continue_run", type="primary", on_click=ask, args=(does.continue_, run.id))
        if run.state is JobState.DONE:
            link("export", "Export", run=run.id)
            link("compare", "Compare", run=run.id)
        if run.state.finished:
            st.button("Delete", key="delete_run", on_click=ask, args=(does.delete, run.id))


def _result(run: Run, line: Line) -> None:
    """Before and after, on the test split once it is measured, else on validation so far."""
    before, now = run.before, run.after
    if before is None or now is None:
        before, now = (line.points[0].measurement, line.latest) if line.points else (None, None)
    if before is None or now is None:
        return
    facts = _facts(before, now)
    with st.grid(len(facts), min_column_width=130, gap="small"):
        for label, value, delta in facts:
            st.metric(label, value, delta, delta_color="off", delta_arrow="off")


def _facts(before: Measurement, now: Measurement) -> list[tuple[str, str, str]]:
    change = None if before.accuracy is None or now.accuracy is None else now.accuracy - before.accuracy
    facts = [
        (f"Accuracy, {now.split}", percent(now.accuracy), f"{points(change)} from {percent(before.accuracy)}"),
        ("Sparsity", percent(now.sparsity), "of the prunable weights"),
        ("Parameters left", count(now.nonzero), f"of {count(before.nonzero)}"),
        ("Bytes, zipped", size(now.zipped_bytes), f"of {size(before.zipped_bytes)}"),
    ]
    if now.latency_ms is not None:
        was = milliseconds(before.latency_ms, before.latency_spread_ms)
        here = milliseconds(now.latency_ms, now.latency_spread_ms).removesuffix(f"{GAP}ms")
        facts.append(("Latency, ms a sample", here, f"from {was}"))
    return facts


def _curves(run: Run) -> None:
    """Accuracy and loss, side by side where there is room."""
    happened = events(run)
    accuracy, loss = (training_rows(happened, run.plan, measure) for measure in ("accuracy", "loss"))
    if not accuracy and not loss:
        if not run.state.finished:
            st.caption("Curves appear with the first measurement.")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        chart(accuracy, training_spec("accuracy", mode()), key="accuracy_curve", alt="Accuracy per epoch")
    with right:
        chart(loss, training_spec("loss", mode()), key="loss_curve", alt="Loss per epoch")
