"""The left side of *Train*: how it heals, what will run, and the button that starts it."""

import streamlit as st

from core.charts.words import plan_line
from core.compression import COMPRESSIONS
from core.controls import Role, controls, role
from core.plan import Plan
from core.recovery import RECOVERIES
from core.schedules import SCHEDULES
from pages.ui.compression_settings import compression_settings
from pages.ui.page import link
from pages.ui.recovery_settings import preparation_settings, recovery_settings
from pages.ui.runs import remember
from pages.ui.schedule_settings import schedule_chart, schedule_settings
from pages.ui.services import engine
from pages.ui.state import AppState, show, widget


def start_panel(state: AppState) -> None:
    """Settings, the schedule drawn before it starts, the plan in one line, the button."""
    if state.plan is None:
        return
    plan, achieved = state.plan, state.achieved(state.plan)
    schedule_settings(state, plan)
    if role(plan) is not Role.DENSE:
        schedule_chart(plan, achieved)
    preparation_settings(state, plan)
    recovery_settings(state, plan)
    compression_settings(state, plan)
    st.markdown(f"**What will run:** {plan_line(plan, achieved)}.")
    if role(plan) is Role.DENSE:
        st.caption("Nothing is pruned in this plan. It runs as a control: the dense model, fine-tuned as long.")
        link("prune", "Set what goes on Prune")
    _buttons(state, plan)


def _buttons(state: AppState, plan: Plan) -> None:
    st.text_input("Name", key="run_name", placeholder="optional", max_chars=60)
    label = "Prune and fine-tune" if role(plan) is not Role.DENSE else "Fine-tune the dense model"
    sentences = [COMPRESSIONS[choice.method].refuses(choice) for choice in plan.compression]
    sentences += [RECOVERIES[plan.recovery.method].refuses(plan), SCHEDULES[plan.schedule.name].refuses(plan.structure)]
    refused = " ".join(filter(None, sentences))
    st.button(
        label,
        key="start_run",
        type="primary",
        width="stretch",
        disabled=bool(refused),
        help=refused or None,
        on_click=lambda: _start(state, plan),
    )
    extra = controls(plan)
    if extra and not refused:
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
