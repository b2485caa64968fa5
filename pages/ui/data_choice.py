"""Choosing the data a model is measured and fine-tuned on, and how its values are scaled."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.datasets import DATASETS
from core.plan import SCALINGS, DataChoice
from pages.ui.services import store
from pages.ui.state import AppState, show, widget

_SCALING_WORDS = {"raw": "as it is", "unit": "0 to 1", "standard": "mean 0, deviation 1"}


def data_choice(state: AppState) -> None:
    """Registered data, data brought before, or a new file; and the scaling."""
    own = {entry.ref: entry.name for entry in store().data(state.workspace)}
    titles = {name: dataset.title for name, dataset in DATASETS.items()} | own
    chosen = state.plan.data if state.plan else None
    if chosen and chosen.name not in titles:
        titles[chosen.name] = Path(chosen.name).name
    show("data_name", chosen.name if chosen else None)
    st.selectbox(
        "Data",
        list(titles),
        index=None,
        key="data_name",
        format_func=lambda name: titles.get(name, name),
        placeholder="Choose a model first",
        disabled=chosen is None,
        on_change=lambda: _edit(state, name=widget("data_name")),
    )
    if chosen is None:
        return
    if chosen.name in DATASETS:
        st.caption(DATASETS[chosen.name].note)
    show("scaling", chosen.scaling)
    st.segmented_control(
        "Scaling of its values",
        SCALINGS,
        key="scaling",
        format_func=lambda name: _SCALING_WORDS[name],
        required=True,
        on_change=lambda: _edit(state, scaling=widget("scaling")),
    )
    _bring(state)


def _edit(state: AppState, **changes: str) -> None:
    plan = state.plan
    if plan is not None and all(changes.values()):
        data = replace(plan.data, **changes)
        if "name" in changes and data.name in DATASETS:
            data = DataChoice(data.name)
        state.edit(replace(plan, data=data))
        state.forget_trail()


def _bring(state: AppState) -> None:
    given = st.file_uploader(
        "Data of your own",
        type=["npz", "csv"],
        key="data_file",
        help="An .npz with x_train, y_train and x_test, y_test, arrays as the model takes them, labels as integers; "
        "or a .csv with a column of labels.",
    )
    if given is not None and state.uploaded.get("data") != given.file_id:
        state.uploaded["data"] = given.file_id
        entry = store().add_data(given.getvalue(), Path(given.name).name, state.workspace)
        _edit(state, name=entry.ref)
        st.rerun()
