"""Model: choose a network and its data, and see what it is made of."""

import streamlit as st

from pages.ui.data_choice import data_choice
from pages.ui.first_steps import first_steps
from pages.ui.gallery import gallery
from pages.ui.overview import overview
from pages.ui.page import page
from pages.ui.uploads import uploads

with page("Model", "Choose a network and its data. Everything else follows from these two.", asks=True) as state:
    left, right = st.columns([1.7, 1], gap="large")
    with left:
        gallery(state)
        uploads(state)
    with right:
        data_choice(state)
        if state.plan is None:
            first_steps()
    if state.plan is not None:
        overview(state, state.plan)
