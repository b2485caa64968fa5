"""*Train* before a run: what will run and the button that starts it, and beside the runs how it heals."""

import streamlit as st

from core.charts.words import plan_line
from core.controls import Role, controls, role
from core.plan import Plan
from core.refusals import refusals
from pages.ui.compression_settings import compression_settings
from pages.ui.page import link
from pages.ui.recovery_settings import preparation_settings, recovery_settings
from pages.ui.runs import remember
from pages.ui.schedule_settings import schedule_chart, schedule_settings
from pages.ui.services import engine
from pages.ui.state import AppState, show, widget


def start_bar(state: AppState, plan: Plan) -> None:
    """The plan in one line and the button, where the eye begins."""
    with st.container(horizontal=True, vertical_alignment="center", key="start_bar"):
        st.markdown(f"**What will run:** {plan_line(plan, state.achieved(plan))}.")
        _buttons(state, plan)
        st.html('<a class="to-settings" href="#settings">Settings of this plan ↓</a>')
    if role(plan) is Role.DENSE:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                "Nothing is pruned in this plan. It runs as a control: the dense model, fine-tuned as long.",
                width="content",
            )
            link("prune", "Set what goes on Prune")


def start_settings(state: AppState, plan: Plan) -> None:
    """When it is pruned, drawn before it starts, and how it heals."""
    achieved = state.achieved(plan)
    st.html('<span id="settings"></span>')
    schedule_settings(state, plan)
    if role(plan) is not Role.DENSE:
        schedule_chart(plan, achieved)
    preparation_settings(state, plan)
    recovery_settings(state, plan)
    compression_settings(state, plan)


def _buttons(state: AppState, plan: Plan) -> None:
    st.text_input(
        "Name of the run",
        key="run_name",
        placeholder="Name, optional",
        max_chars=60,
        width=170,
        label_visibility="collapsed",
    )
    label = "Prune and fine-tune" if role(plan) is not Role.DENSE else "Fine-tune the dense model"
    refused = " ".join(refusals(plan))
    st.button(
        label,
        key="start_run",
        type="primary",
        disabled=bool(refused),
        help=refused or None,
        on_click=lambda: _start(state, plan),
    )
    known = state.achieved(plan)
    extra = controls(plan, known.units if known is not None else None)
    if extra and not refused:
        st.button(
            "Add controls",
            key="add_controls",
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
