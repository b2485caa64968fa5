"""Widgets that show what the plan says, and put into the plan what a person sets."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from core.edits import with_schedule
from core.plan import OPTIMISERS, RATE_SCHEDULES, Plan
from core.schedules import SCHEDULES
from pages.ui.state import AppState, show, widget

_RATES = {"constant": "constant", "cosine": "cosine", "step": "stepwise"}
_OPTIMISERS = {"adam": "Adam", "sgd": "SGD", "adamw": "AdamW"}


def bound(state: AppState, key: str, value: Any, change: Callable[[Plan, Any], Plan]) -> dict[str, Any]:
    """The ``key`` and ``on_change`` of a widget that edits the plan; undo and redo know of it."""
    show(key, value)

    def edit() -> None:
        given = widget(key)
        if state.plan is not None and given is not None:
            state.edit(change(state.plan, given))

    return {"key": key, "on_change": edit}


def viewed(state: AppState, key: str, name: str, default: Any, options: Sequence[Any] | None = None) -> dict[str, Any]:
    """The ``key`` and ``on_change`` of a widget that sets how a page is looked at; survives a reload.

    With ``options``, a remembered value that is none of them (another model's layer) gives way to the default.
    """
    if options is not None and state.view(name, default) not in options:
        state.set_view(name, default)
    show(key, state.view(name, default))

    def remember() -> None:
        given = widget(key)
        if given is not None:
            state.set_view(name, given)

    return {"key": key, "on_change": remember}


def schedule_settings(state: AppState, plan: Plan) -> None:
    """When pruning happens."""
    st.segmented_control(
        "When to prune",
        list(SCHEDULES),
        format_func=lambda name: SCHEDULES[name].title,
        required=True,
        help="All at once, in equal steps, or much at first and little at the end (cubic).",
        **bound(state, "schedule", plan.schedule.name, with_schedule),
    )
    if plan.schedule.name == "one-shot":
        return
    left, right = st.columns(2)
    left.number_input(
        "Pruning steps",
        1,
        200,
        help="How often it prunes on the way to the sparsity asked for.",
        **bound(state, "steps", plan.schedule.steps, lambda p, v: _scheduled(p, steps=v)),
    )
    right.number_input(
        "Epochs between",
        0,
        1000,
        help="Fine-tuning after each step but the last.",
        **bound(state, "epochs_between", plan.schedule.epochs_between, lambda p, v: _scheduled(p, epochs_between=v)),
    )


def recovery_settings(state: AppState, plan: Plan) -> None:
    """How the network heals after the last pruning step."""
    given = plan.recovery
    left, right = st.columns(2)
    left.number_input(
        "Epochs",
        0,
        10_000,
        help="Fine-tuning after the last pruning step. 0 prunes and measures only.",
        **bound(state, "epochs", given.epochs, lambda p, v: _healing(p, epochs=v)),
    )
    right.number_input(
        "Learning rate",
        1e-6,
        10.0,
        step=1e-4,
        format="%g",
        **bound(state, "learning_rate", given.learning_rate, lambda p, v: _healing(p, learning_rate=v)),
    )
    stop = f", stops early after {given.patience}" if given.patience else ""
    best = ", keeps the best" if given.keep_best else ""
    with st.expander(f"{_OPTIMISERS[given.optimiser]}, {_RATES[given.rate_schedule]} rate{best}{stop}"):
        _finer(state, plan)


def _finer(state: AppState, plan: Plan) -> None:
    given = plan.recovery
    left, right = st.columns(2)
    left.selectbox(
        "Optimiser",
        OPTIMISERS,
        format_func=lambda name: _OPTIMISERS[name],
        **bound(state, "optimiser", given.optimiser, lambda p, v: _healing(p, optimiser=v)),
    )
    right.selectbox(
        "Rate over epochs",
        RATE_SCHEDULES,
        format_func=lambda name: _RATES[name],
        help="Constant, falling as a cosine to zero, or falling in steps.",
        **bound(state, "rate_schedule", given.rate_schedule, lambda p, v: _healing(p, rate_schedule=v)),
    )
    left.number_input(
        "Batch size", 1, 65_536, **bound(state, "batch_size", given.batch_size, lambda p, v: _healing(p, batch_size=v))
    )
    right.number_input(
        "Seed",
        0,
        2**31 - 1,
        help="The same seed gives the same weights on the same machine.",
        **bound(state, "seed", plan.seed, lambda p, v: replace(p, seed=v)),
    )
    left.number_input(
        "Stop early after",
        0,
        10_000,
        help="Epochs in a row without a better validation accuracy; 0 never stops early.",
        **bound(state, "patience", given.patience, lambda p, v: _healing(p, patience=v)),
    )
    right.space("small")
    right.toggle(
        "Keep the best",
        help="Take the weights of the epoch with the best validation accuracy, not those of the last.",
        **bound(state, "keep_best", given.keep_best, lambda p, v: _healing(p, keep_best=v)),
    )


def _scheduled(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, schedule=replace(plan.schedule, **changes))


def _healing(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, recovery=replace(plan.recovery, **changes))
