"""A budget instead of a sparsity: what the network may cost at most, in human units."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.budgets import BUDGETS
from core.charts.costs import Scale, scale_for
from core.edits import with_budget
from core.errors import PruneError
from core.plan import Plan
from pages.ui.services import ask
from pages.ui.settings import bound
from pages.ui.state import AppState, show, widget

#: The share of the dense cost that a budget begins with.
_FIRST = 0.5


def budget(state: AppState, plan: Plan) -> DeltaGenerator | None:
    """The switch, and, while it is on, measure and limit; returns the place for what is reached."""
    given = plan.budget
    show("budget_on", given is not None)
    with st.container(width="content", key="budget_switch"):
        st.toggle(
            "Budget",
            key="budget_on",
            help="Say what the network may cost; the sparsity that keeps it is found.",
            on_change=lambda: _switch(state),
        )
    if given is None:
        return None
    measure = BUDGETS[given.measure]
    show("budget_measure", given.measure)
    st.selectbox(
        "Measured in",
        list(BUDGETS),
        key="budget_measure",
        format_func=lambda name: BUDGETS[name].title,
        help=measure.note,
        width=150,
        on_change=lambda: _measured_in(state, str(widget("budget_measure"))),
    )
    scale = _scale(state, plan, given.measure)
    st.number_input(
        f"At most, {scale.unit.split()[0]}" if scale.unit else "At most",
        0.0,
        step=scale.shown(max(given.limit, scale.factor) / 20),
        format="%g",
        width=140,
        **bound(state, "budget_limit", scale.shown(given.limit), lambda p, v: _limited(p, scale.cost(v))),
    )
    with st.container(width="content", key="budget_reached"):
        return st.empty()


def reached(state: AppState, plan: Plan, place: DeltaGenerator | None) -> None:
    """Say what the plan comes to: ``now 54.3 of 109.2 k multiply-adds``."""
    if plan.budget is None or place is None:
        return
    name = plan.budget.measure
    found = ask(plan, "cost", measure=name, person=state.session, chart="cost")
    scale = _scale(state, plan, name)
    place.caption(f"now **{scale.said(found['achieved'])}** of {scale.said(found['dense'])} {scale.unit}")


def _limited(plan: Plan, limit: float) -> Plan:
    return with_budget(plan, plan.budget.measure, limit) if plan.budget is not None and limit > 0 else plan


def _switch(state: AppState) -> None:
    plan = state.plan
    if plan is None:
        return
    if widget("budget_on"):
        _measured_in(state, next(iter(BUDGETS)))
    else:
        state.edit(with_budget(plan, None))


def _measured_in(state: AppState, name: str) -> None:
    """Another measure, with the same share of the dense cost as limit."""
    plan = state.plan
    if plan is None:
        return
    try:
        share = _FIRST
        if plan.budget is not None:
            share = plan.budget.limit / _dense(state, plan, plan.budget.measure)
        state.edit(with_budget(plan, name, share * _dense(state, plan, name)))
    except PruneError as err:
        state.notice = str(err)


def _scale(state: AppState, plan: Plan, name: str) -> Scale:
    return scale_for(_dense(state, plan, name), BUDGETS[name].unit)


def _dense(state: AppState, plan: Plan, name: str) -> float:
    """What the whole network costs, asked once and remembered in the workspace."""
    known: dict[str, Any] = state.fact("costs", {})
    if name not in known:
        known = {**known, name: float(ask(with_budget(plan, None), "cost", measure=name)["dense"])}
        state.learn(plan, **{**state.facts(plan), "costs": known})
    return float(known[name])
