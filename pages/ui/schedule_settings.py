"""When pruning happens: the schedule, what it can be told, and its curve before it starts."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.charts.achieved import Achieved
from core.charts.schedule import schedule_rows, schedule_spec
from core.charts.words import of_units
from core.controls import epochs_after
from core.edits import with_schedule
from core.plan import Plan
from core.recovery import RECOVERIES
from core.refusals import of_schedule
from core.schedules import SCHEDULES
from pages.ui.charts import chart, mode
from pages.ui.numbers import Number, numbers
from pages.ui.page import link
from pages.ui.settings import bound
from pages.ui.state import AppState

_FIELDS = {
    "steps": Number("Pruning steps", 1, 200, "How often it prunes on the way to the sparsity asked for."),
    "epochs_between": Number("Epochs between", 0, 1000, "Training after each step but the last."),
    "initial": Number("Starts at, %", 0.0, 99.0, "The sparsity it begins with.", 5.0, "%.0f", percent=True),
    "interval": Number("Interval, batches", 1, 1_000_000, "How often the mask changes while it trains."),
    "drop": Number(
        "Exchanged at first, %", 1.0, 100.0, "Share of the kept weights that is exchanged.", 5.0, "%.0f", percent=True
    ),
    "until": Number(
        "Changes until, %", 1.0, 100.0, "Share of the training after which the mask stays.", 5.0, "%.0f", percent=True
    ),
}


def schedule_settings(state: AppState, plan: Plan) -> None:
    """The choice, and only the numbers that matter for it."""
    schedule = SCHEDULES[plan.schedule.name]
    st.pills(
        "When to prune",
        list(SCHEDULES),
        format_func=lambda name: SCHEDULES[name].title,
        required=True,
        wrap=True,
        help=f"**{schedule.title}**: {schedule.formula}\n\n{schedule.reference}",
        **bound(state, "schedule", plan.schedule.name, with_schedule),
    )
    wanted = schedule.settings
    if "epochs_between" not in RECOVERIES[plan.recovery.method].settings:
        wanted = tuple(name for name in wanted if name != "epochs_between")
    numbers(state, _FIELDS, wanted, plan.schedule, _changed)
    sentence = of_schedule(plan)
    if sentence:
        st.warning(sentence)


def _changed(plan: Plan, name: str, value: Any) -> Plan:
    return replace(plan, schedule=replace(plan.schedule, **{name: value}))


def schedule_chart(plan: Plan, achieved: Achieved | None) -> None:
    """The way up to what the plan comes to; without a figure where nobody has measured that yet."""
    units = of_units(plan)
    if achieved is not None:
        end = achieved.units if units else achieved.sparsity
    else:
        end = None if plan.overrides or plan.budget else plan.sparsity
    if end is None:
        link("prune", "Prune measures what this plan comes to")
        return
    asked = " asked" if units and achieved is None else ""
    schedule = SCHEDULES[plan.schedule.name]
    rows = schedule_rows(
        schedule.amounts(end, plan.schedule.steps, plan.schedule.initial),
        plan.schedule.epochs_between,
        epochs_after(plan),
        before=plan.preparation.epochs,
        exchanged=schedule.exchanged(plan.schedule),
    )
    chart(
        rows,
        schedule_spec(f"share of {units}{asked}" if units else "sparsity", mode(), schedule.dynamic),
        key="schedule_curve",
        alt="What is gone over the epochs of training",
    )
    if schedule.dynamic and not any(row["kind"] == "exchanged" for row in rows):
        st.caption("How much is exchanged follows from the weights; it is shown as it happens.")
