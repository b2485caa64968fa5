"""Prune: drag thresholds, watch accuracy and size answer."""

import streamlit as st

from core.errors import PruneError
from pages.ui.budget import reached
from pages.ui.layers import axes, layers, left_out
from pages.ui.page import need_model, page
from pages.ui.preview import answers, histograms, scores
from pages.ui.prune_controls import controls
from pages.ui.result import NOTHING, measured, result
from pages.ui.result_cards import drawn
from pages.ui.services import framework_title, model_file
from pages.ui.shrinking import timed

with page("Prune", "Drag a threshold. Everything left of it goes.", asks=True) as state:
    plan = need_model(state)
    costs = controls(state, plan)
    left, right = st.columns([1.55, 1], gap="large")
    with right, st.container(key="result"):
        cards = drawn(state)
    with left:
        waiting = st.empty()
        asked = answers(state, plan, waiting)
        try:
            pools = histograms(state, plan, waiting)
            answer = next(asked)
        except PruneError:
            cards(NOTHING)  # the page says why; nothing is measured
            raise
        plan = answer.plan
        framework = framework_title(model_file(plan.model).framework)
        cut, partly = (test(pool.cuttable for pool in pools) for test in (all, any))
        speed = timed(state, plan)
        cards(result(answer, state.trail, framework, cut=cut, partly=partly, timed=speed))
        axes(state, plan, pools)
        layers(state, plan, pools, answer)
        reached(state, plan, costs)
        left_out(scores(state, plan, waiting)["left_out"])
    for answer in asked:
        cards(result(answer, state.trail, framework, cut=cut, partly=partly, timed=speed))
    point = measured(answer)
    if point is not None:
        state.measured(*point)
