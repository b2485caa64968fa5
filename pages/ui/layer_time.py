"""Inspect: where the time goes, layer by layer, beside the multiply-adds."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.charts.layer_time import drawn, layer_time_rows, layer_time_spec
from core.charts.words import amount, milliseconds
from core.plan import Plan
from pages.ui.charts import chart, mode
from pages.ui.preview import questioned
from pages.ui.services import model_file
from pages.ui.settings import viewed
from pages.ui.state import AppState, pruning_mark

BATCHES = (1, 16, 64)
#: The network that is looked at -> how it is called.
_WHICH = {"dense": "as it came", "now": "as planned"}


def layer_time(state: AppState, plan: Plan) -> None:
    """Measured when it is first looked at, and again on request."""
    waiting = st.empty()
    with st.container(horizontal=True, vertical_alignment="bottom", key="time_bar"):
        settings = viewed(state, "time_batch", "inspect.time_batch", BATCHES[0], list(BATCHES))
        st.segmented_control("Samples in a batch", BATCHES, required=True, **settings)
        batch = state.view("inspect.time_batch", BATCHES[0])
        kept = _times(f"{model_file(plan.model).architecture} {pruning_mark(plan)} {batch}")
        if not kept:
            words = "Timing layer by layer"
            kept |= questioned(state, plan, "layer_times", chart="layer_times", slot=waiting, words=words, batch=batch)
        which = "dense"
        if kept["now"]:
            st.segmented_control(
                "Network",
                list(_WHICH),
                format_func=_WHICH.__getitem__,
                required=True,
                **viewed(state, "time_which", "inspect.time_which", "dense", list(_WHICH)),
            )
            which = state.view("inspect.time_which", "dense")
        st.button("Measure again", key="time_again", on_click=kept.clear)
    layers = kept[which]
    alt = "Share of time and of multiply-adds of every layer"
    chart(layer_time_rows(layers), layer_time_spec(drawn(layers), mode()), key="layer_time", alt=alt)
    st.caption(_caption(kept, which))


@st.cache_resource(show_spinner=False, max_entries=100)
def _times(key: str) -> dict[str, Any]:
    return {}


def _caption(kept: Mapping[str, Any], which: str) -> str:
    layers = kept[which]
    whole, work = sum(one["ms"] for one in layers), sum(one["macs"] for one in layers)
    batch = "one sample" if kept["batch"] == 1 else f"a batch of {kept['batch']}"
    threads = f"{kept['threads']} thread{'' if kept['threads'] == 1 else 's'}"
    told = f"All layers together **{milliseconds(whole)}** for {batch} on {threads}, {amount(work)} MACs a sample."
    if which == "dense" and kept["now"]:
        told += f" As planned {milliseconds(sum(one['ms'] for one in kept['now']))}."
    return f"{told} Layers are called one by one here: what a runtime saves by doing several in one go is not in it."
