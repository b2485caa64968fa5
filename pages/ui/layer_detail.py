"""One layer opened: numbers, large histograms, its weights as a picture, its channels, and runs over each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from core.charts.channels import channel_rows, channel_spec
from core.charts.histograms import histogram_rows, histogram_spec
from core.charts.layer import layer_facts, score_rows, score_subject
from core.charts.picture import colour_limit, filter_sheet, legend, sheet_words, weight_picture
from core.charts.words import number
from core.plan import Plan
from pages.ui.charts import chart, mode, theme
from pages.ui.explain import explain
from pages.ui.overlay import overlay
from pages.ui.services import ask
from pages.ui.settings import viewed
from pages.ui.state import AppState

Answer = Mapping[str, Any]


def layer_detail(
    state: AppState, plan: Plan, layer: str, pools: Sequence[Answer], planned: Mapping[str, Answer], *, log: bool
) -> None:
    """Everything about one layer."""
    answer = ask(plan, "layer", layer=layer, person=state.session, chart="layer")
    with st.grid(4, min_column_width=150, gap="small"):
        for label, value, of in layer_facts(answer):
            st.metric(label, value, of, delta_color="off", delta_arrow="off")
    kernels = [weight["name"] for weight in answer["weights"]]
    kernel = _kernel(state, kernels)
    pool = next((one for one in pools if one["name"] == kernel), pools[0])
    _histograms(pool, planned.get(pool["name"], {}), log)
    weight = answer["weights"][kernels.index(kernel)]
    left, right = st.columns(2, gap="large")
    with left:
        _picture(state, weight)
    with right:
        _channels(state, answer["channels"], kernel)
        overlay(state, plan, kernel)
    explain(state, plan, kernel)


def _kernel(state: AppState, kernels: list[str]) -> str:
    """The kernel looked at; a switch only where a layer has several."""
    if len(kernels) == 1:
        return kernels[0]
    settings = viewed(state, "kernel", "inspect.kernel", kernels[0], kernels)
    st.segmented_control("Kernel", kernels, format_func=lambda name: name.rsplit(".", 1)[-1], required=True, **settings)
    return str(state.view("inspect.kernel", kernels[0]))


def _histograms(pool: Answer, planned: Answer, log: bool) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Importance**")
        rows = score_rows(pool, planned, log)
        spec = histogram_spec(score_subject(log), False, mode())
        chart(rows, spec, key="importance_histogram", alt=f"Importance in {pool['title']}")
    with right:
        st.markdown("**Weights**")
        rows = histogram_rows(pool["weight_edges"], pool["weight_counts"], whole=log)
        chart(rows, histogram_spec("weights", log, mode()), key="weight_histogram", alt=f"Weights of {pool['title']}")


def _picture(state: AppState, weight: Answer) -> None:
    """The kernel as a matrix, or its filters side by side; amber lies over what the plan prunes."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**As a picture**", width="content")
        kind = "matrix"
        if weight["filters"] is not None:
            options = ["filters", "matrix"]
            st.segmented_control(
                "Picture",
                options,
                required=True,
                label_visibility="collapsed",
                **viewed(state, "picture", "inspect.picture", "filters", options),
            )
            kind = state.view("inspect.picture", "filters")
        st.toggle("Mask of the plan", **viewed(state, "overlay_mask", "inspect.mask", True))
    masked = state.view("inspect.mask", True)
    limit = colour_limit(weight["picture"])
    if kind == "filters":
        inputs = int(weight["filter_inputs"])
        cells, kept = (filter_sheet(np.asarray(weight[name]), inputs) for name in ("filters", "filters_kept"))
        words = sheet_words(len(weight["filters"]) // inputs, inputs)
    else:
        cells, kept = np.asarray(weight["picture"]), np.asarray(weight["kept"])
        words = "one row per output, one column per input"
        if cells.shape[0] > 2 * cells.shape[1]:  # 192 gates of one input would be a page high
            cells, kept, words = cells.T, kept.T, "one column per output, one row per input"
    drawn = weight_picture(cells, theme(), kept if masked else None, limit)
    st.image(drawn, width="stretch", alt=f"Weights of {weight['name']} as a picture: {words}")
    _scale(limit, words)


def _scale(limit: float, words: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"−{number(limit, 2)}", width="content")
        st.image(legend(theme()), width=120, alt="Colour scale from negative to positive")
        st.caption(f"{number(limit, 2)} · {words}", width="content")


def _channels(state: AppState, channels: Sequence[Answer], kernel: str) -> None:
    found = next((one for one in channels if one["name"] == kernel), channels[0] if channels else None)
    unit = found["unit"] if found else "channel"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{unit.capitalize()}s**", width="content")
        st.toggle("Most important first", **viewed(state, "channels_sorted", "inspect.sorted", False))
    if found is None:
        st.caption("This structure has nothing to rank in this layer.")
        return
    by_score = state.view("inspect.sorted", False)
    kept = [bool(share > 0) for share in found["kept"]]
    rows = channel_rows([float(score) for score in found["scores"]], kept, by_score)
    chart(rows, channel_spec(by_score, mode(), unit), key="channel_bars", alt=f"Importance of the channels of {kernel}")
