"""Before and after: the weights of one layer in two runs, over each other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from core.charts.histograms import overlay_rows, overlay_spec
from core.charts.layer import nonzero_counts, zeros_of
from core.charts.runs import title
from core.charts.words import count
from core.jobs.job import JobState, Run
from core.plan import Plan
from pages.ui.charts import chart, mode
from pages.ui.page import link
from pages.ui.runs import runs_of_model
from pages.ui.services import lab, model_file, model_question
from pages.ui.settings import viewed
from pages.ui.state import AppState

_DENSE = ""


def overlay(state: AppState, plan: Plan, weight: str) -> None:
    """Two select boxes and one chart; says what to do while there is no run to compare with."""
    st.markdown("**Before and after**")
    done = {run.id: run for run in runs_of_model(state) if run.state is JobState.DONE}
    if not done:
        st.caption("When a run of this model is finished, its weights are drawn here over the dense ones.")
        link("train", "Go to Train")
        return
    options = [_DENSE, *done]
    newest = next(iter(done))
    with st.container(horizontal=True):
        for key, words, default in (("overlay_before", "Before", _DENSE), ("overlay_after", "After", newest)):
            st.selectbox(
                words,
                options,
                format_func=lambda run: title(done[run]) if run else "dense model",
                width=260,
                **viewed(state, key, f"inspect.{key}", default, options),
            )
    chosen = [
        done.get(state.view("inspect.overlay_before", _DENSE)),
        done.get(state.view("inspect.overlay_after", newest)),
    ]
    _draw(state, plan, weight, chosen)


def _draw(state: AppState, plan: Plan, weight: str, chosen: list[Run | None]) -> None:
    drawn, left_out = [], []
    for place, run in enumerate(chosen):
        pool = _pool(state, plan, run, weight, place)
        name = title(run) if run else "dense model"
        if pool is None:
            st.caption(f"{name} no longer has the layer {weight}.")
            continue
        zeros = zeros_of(run, weight, pool["shape"])
        drawn.append((f"{place + 1}. {name}", pool["weight_edges"], nonzero_counts(pool, zeros)))
        if zeros:
            left_out.append(f"{count(zeros)} zeros of {name} are not drawn.")
    chart(overlay_rows(drawn), overlay_spec("weights", mode()), key="overlay_chart", alt=f"{weight} before and after")
    st.caption(" ".join(left_out) or "Both have the same area: the shapes compare, whatever the number of weights.")


def _pool(state: AppState, plan: Plan, run: Run | None, weight: str, place: int) -> dict[str, Any] | None:
    """The weights' histogram of a Weight in the dense model or in what a run left."""
    simple = replace(plan, criterion="magnitude", structure="unstructured", overrides={}, sparsity=0.0)
    model = model_question(plan.model, plan.output)
    if run is not None:
        model = {"path": str(Path(run.artefacts["model"])), "architecture": None, "output": plan.output}
    question = {"model": model, "plan": simple.to_dict(), "bins": 96}
    worker = lab(model_file(plan.model).framework)
    pools = worker.ask("histograms", question, person=state.session, chart=f"overlay{place}", timeout=120)["pools"]
    return next((pool for pool in pools if pool["name"] == weight), None)
