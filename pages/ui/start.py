"""The left side of *Train*: how it heals, what will run, and the button that starts it."""

import streamlit as st

from core.charts.achieved import Achieved
from core.charts.schedule import schedule_rows, schedule_spec
from core.charts.words import of_units, plan_line
from core.controls import Role, controls, role
from core.plan import Plan
from core.schedules import SCHEDULES
from pages.ui.charts import chart, mode
from pages.ui.page import link
from pages.ui.runs import remember
from pages.ui.services import engine
from pages.ui.settings import recovery_settings, schedule_settings
from pages.ui.state import AppState, show, widget


def start_panel(state: AppState) -> None:
    """Settings, the schedule drawn before it starts, the plan in one line, the button."""
    if state.plan is None:
        return
    schedule_settings(state, state.plan)
    recovery_settings(state, state.plan)
    plan = state.plan
    achieved = state.achieved(plan)
    if role(plan) is not Role.DENSE:
        _schedule(plan, achieved)
    st.markdown(f"**What will run:** {plan_line(plan, achieved)}.")
    if role(plan) is Role.DENSE:
        st.caption("Nothing is pruned in this plan. It runs as a control: the dense model, fine-tuned as long.")
        link("prune", "Set what goes on Prune")
    _buttons(state, plan)


def _schedule(plan: Plan, achieved: Achieved | None) -> None:
    """The staircase up to what the plan comes to; without a figure where nobody has measured that yet."""
    units = of_units(plan)
    if achieved is not None:
        end = achieved.units if units else achieved.sparsity
    else:
        end = None if plan.overrides else plan.sparsity
    if end is None:
        link("prune", "Prune measures what the layers set by hand come to")
        return
    asked = " asked" if units and achieved is None else ""
    amounts = SCHEDULES[plan.schedule.name].amounts(end, plan.schedule.steps)
    rows = schedule_rows(amounts, plan.schedule.epochs_between, plan.recovery.epochs)
    spec = schedule_spec(f"share of {units}{asked}" if units else "sparsity", mode())
    chart(rows, spec, key="schedule_curve", alt="What is gone over the epochs of fine-tuning")


def _buttons(state: AppState, plan: Plan) -> None:
    st.text_input("Name", key="run_name", placeholder="optional", max_chars=60)
    label = "Prune and fine-tune" if role(plan) is not Role.DENSE else "Fine-tune the dense model"
    st.button(label, key="start_run", type="primary", width="stretch", on_click=lambda: _start(state, plan))
    extra = controls(plan)
    if extra:
        st.button(
            "Add controls",
            key="add_controls",
            width="stretch",
            on_click=lambda: _add(state, extra),
            help="What this plan must beat: the dense model fine-tuned as long, and the same plan pruned at random.",
        )


def _start(state: AppState, plan: Plan) -> None:
    name = str(widget("run_name") or "").strip()
    remember(state, engine().submit(plan, workspace=state.workspace, name=name))
    show("run_name", "")
    st.toast("Started. It is first in the list.")


def _add(state: AppState, plans: tuple[Plan, ...]) -> None:
    for plan in plans:
        engine().submit(plan, workspace=state.workspace)
    st.toast(f"{len(plans)} control{'s' if len(plans) > 1 else ''} queued.")
