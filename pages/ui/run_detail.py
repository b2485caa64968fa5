"""The open run: where it stands, what can be done with it, how it learns."""

from pathlib import Path

import streamlit as st

from core.charts.ends import Tile, ends, quality_tiles
from core.charts.moving import moving_tiles, snapshots
from core.charts.quality import QUALITIES, is_regression, main_quality, qualities
from core.charts.runs import Line, state_line, story, title
from core.charts.training import training_rows, training_spec
from core.charts.waterfall import remarks, waterfall_rows, waterfall_spec
from core.charts.words import GAP, count, milliseconds, percent, plan_line, size
from core.compression import snippet
from core.jobs.job import JobState, Run
from core.measurement import Measurement
from core.paths import compressed_file
from pages.ui.charts import chart, mode
from pages.ui.page import link
from pages.ui.runs import ask, compressing, events
from pages.ui.services import engine
from pages.ui.settings import viewed
from pages.ui.state import AppState
from pages.ui.wall import wall


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
        _waterfall(run)
        _curves(state, run, line)


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
            with st.container(width="content", key="next"):
                link("export", "Export", run=run.id)
            link("compare", "Compare", run=run.id)
        if run.state.finished:
            with st.popover("Delete"):
                st.caption("The run and its files go for good.")
                st.button("Delete this run", key="delete_run", on_click=ask, args=(does.delete, run.id))


def _result(run: Run, line: Line) -> None:
    """Before and after, on the test split once it is measured, else on validation so far."""
    both = ends(line)
    if both is None:
        return
    facts = [*quality_tiles(*both, compressing(run)), *_facts(*both)]
    with st.grid(len(facts), min_column_width=130, gap="small"):
        for label, value, delta in facts:
            st.metric(label, value, delta, delta_color="off", delta_arrow="off")
    if run.plan.preparation.epochs and run.before is not None:
        st.caption("What it was is said of the network as its training before pruning left it.")


def _waterfall(run: Run) -> None:
    """What every step of compression left on disk, and how to read the file."""
    if not run.plan.compression or run.state is not JobState.DONE:
        return
    stages = compressing(run)
    quality = main_quality(run.after, run.before)
    rows = waterfall_rows(stages, quality)
    if not rows:
        return
    st.markdown(f"**From dense to compressed**: bytes on disk and {quality.title} on test")
    spec = waterfall_spec(quality.title, len(rows), mode())
    chart(rows, spec, key="waterfall", alt="Bytes on disk after every step of compression")
    told = remarks(stages)
    if told:
        st.caption(" ".join(told))
    with st.expander("Read the compressed file with numpy alone"):
        st.code(snippet(compressed_file(Path()).name), language="python")


def _facts(before: Measurement, now: Measurement) -> list[Tile]:
    """What it costs, beside what it was."""
    facts = [
        ("Sparsity", percent(now.sparsity), "of the prunable weights"),
        ("Parameters left", count(now.nonzero), f"of {count(before.nonzero)}"),
        ("Bytes, zipped", size(now.zipped_bytes), f"of {size(before.zipped_bytes)}"),
    ]
    if now.compressed_bytes is not None:
        facts[-1] = ("Bytes, compressed", size(now.compressed_bytes), f"of {size(before.dense_bytes)} dense")
    if now.latency_ms is not None:
        was = milliseconds(before.latency_ms, before.latency_spread_ms)
        here = milliseconds(now.latency_ms, now.latency_spread_ms).removesuffix(f"{GAP}ms")
        facts.append(("Latency, ms a sample", here, f"from {was}"))
    return facts


def _curves(state: AppState, run: Run, line: Line) -> None:
    """Quality and loss, side by side where there is room; the weights below."""
    happened = events(run)
    regression = is_regression(*(point.measurement for point in line.points))
    names = qualities(regression)
    chosen = state.view("train.quality", names[0])
    chosen = chosen if chosen in names else names[0]
    quality, loss = (training_rows(happened, run.plan, measure) for measure in (chosen, "loss"))
    if not quality and not loss:
        if not run.state.finished:
            st.caption("Curves appear with the first measurement.")
        return
    st.segmented_control(
        "Quality is",
        names,
        format_func=lambda name: QUALITIES[name].title,
        required=True,
        label_visibility="collapsed",
        **viewed(state, "quality", "train.quality", names[0], names),
    )
    left, right = st.columns(2, gap="medium")
    with left:
        title = QUALITIES[chosen].title
        chart(quality, training_spec(chosen, mode(), regression), key="accuracy_curve", alt=f"{title} per epoch")
    with right:
        chart(loss, training_spec("loss", mode(), regression), key="loss_curve", alt="Loss per epoch")
    st.html(_MARKS)
    _weights(state, run)


#: What the lone dots are.
_MARKS = (
    '<p class="marks"><span><i style="background:var(--ink)"></i>dense</span>'
    '<span><i style="background:var(--pruned)"></i>just pruned</span> on validation; '
    "an amber line is a pruning step</p>"
)


def _weights(state: AppState, run: Run) -> None:
    """Where the weights are: as they move while it trains, at any epoch once it has ended."""
    known = snapshots(events(run))
    if not known:
        return
    epochs = sorted(known)
    at = epochs[-1]
    if run.state.finished and len(epochs) > 1:
        name = f"train.weights.{run.id}"
        st.select_slider("**Weights of every layer**, after epoch", epochs, **viewed(state, name, name, at, epochs))
        at = state.view(name, at)
    else:
        st.markdown("**Weights of every layer**")
    wall(moving_tiles(known[at], known[epochs[0]]), key="weights_wall")
    phase = {"prepare": "before pruning", "recover": "after pruning"}.get(str(known[at].get("phase")), "")
    st.caption(f"After epoch {at}{f', {phase}' if phase else ''}. The line is where they began; pruned ones left out.")
