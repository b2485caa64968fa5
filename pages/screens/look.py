"""Inspect: every layer at once, then one opened."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.charts.wall import ORDERS, tiles, usual_scale
from core.plan import Plan
from pages.ui.layer_detail import layer_detail
from pages.ui.layer_time import layer_time
from pages.ui.method_boxes import criterion_box, structure_box
from pages.ui.methods_table import methods_table
from pages.ui.page import link, need_model, page
from pages.ui.preview import questioned, scores
from pages.ui.settings import viewed
from pages.ui.side_by_side import side_by_side
from pages.ui.state import AppState, app_state
from pages.ui.wall import wall

ALL = "all layers"
NEAR_ZERO = (
    "Near zero: |w| at most 1 % of the root mean square of its layer. Dead: an output unit whose weights all are that "
    "small together."
)
SUBJECTS = ("importance", "weights", "both")


def view_bar(state: AppState, plan: Plan, layers: list[str], scale: str) -> str:
    """Criterion, and how the layers are looked at; remembered in the workspace. Returns the layer that is open."""
    opened = viewed(state, "layer", "inspect.layer", ALL, [ALL, *layers])
    alone = state.view("inspect.layer", ALL) != ALL
    with st.container(horizontal=True, vertical_alignment="bottom", key="view_bar"):
        if alone:
            st.button("← All layers", key="all_layers", on_click=lambda: state.set_view("inspect.layer", ALL))
        st.selectbox("Layer", [ALL, *layers], width=150, **opened)
        criterion_box(state, plan, width=190)
        structure_box(state, plan, width=150)
        if not alone:
            st.segmented_control("Show", SUBJECTS, required=True, **viewed(state, "subject", "inspect.subject", "both"))
        st.segmented_control(
            "Scale",
            ["linear", "log"],
            required=True,
            help="Log: importance on a log axis, weights with log counts. Linear: bars that dwarf others are cut off.",
            **viewed(state, "histogram_scale", "inspect.scale", scale),
        )
        if not alone:
            st.selectbox(
                "Sort",
                list(ORDERS),
                format_func=lambda name: ORDERS[name].title,
                width=176,
                **viewed(state, "order", "inspect.order", "network"),
            )
    return str(state.view("inspect.layer", ALL))


def show_wall(state: AppState, pools: list[Mapping[str, Any]], planned: list[Mapping[str, Any]], *, log: bool) -> None:
    """All layers; a click opens one."""
    subject = state.view("inspect.subject", "both")
    drawn = tiles(
        pools,
        planned,
        importance=subject != "weights",
        weights=subject != "importance",
        log=log,
        order=state.view("inspect.order", "network"),
    )
    wall(drawn, key="wall", on_open=lambda layer: state.set_view("inspect.layer", layer))
    st.caption(NEAR_ZERO)


def show_layers(state: AppState, plan: Plan) -> None:
    """The wall, or the layer that is open."""
    waiting = st.empty()
    pools = scores(state, plan, waiting)["pools"]
    told = questioned(state, plan, "preview", chart="wall_plan", slot=waiting, words="Deciding", budget=0.01)
    usual = usual_scale(pools)
    opened = view_bar(state, plan, list(dict.fromkeys(pool["layer"] for pool in pools)), usual)
    log = state.view("inspect.scale", usual) == "log"
    if opened == ALL:
        show_wall(state, pools, told["pools"], log=log)
        return
    of_layer = [pool for pool in pools if pool["layer"] == opened]
    layer_detail(state, plan, opened, of_layer, {one["name"]: one for one in told["pools"]}, log=log)


#: What the page shows, by the name of its switch.
VIEWS = {
    "layers": show_layers,
    "two criteria": side_by_side,
    "time": layer_time,
    "methods": lambda state, plan: methods_table(state),
}

SENTENCES = {
    "layers": "What every weight is worth. Amber goes in the current plan; click a layer to open it.",
    "two criteria": "What two criteria think of the same weights, and where they disagree.",
    "time": "Where the time of one pass goes, layer by layer, measured on this machine.",
    "methods": "Every method there is: its formula, what it needs, and the paper it comes from.",
}

with page("Inspect", SENTENCES.get(app_state().view("inspect.view", ""), SENTENCES["layers"]), asks=True) as state:
    plan = need_model(state)
    st.segmented_control(
        "View",
        list(VIEWS),
        required=True,
        label_visibility="collapsed",
        **viewed(state, "view", "inspect.view", "layers", list(VIEWS)),
    )
    VIEWS[state.view("inspect.view", "layers")](state, plan)
    with st.container(horizontal=True, key="next"):
        link("prune", "Prune this model")
