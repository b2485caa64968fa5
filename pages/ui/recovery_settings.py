"""Training around pruning: before the first step, and what heals afterwards."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.charts.words import epochs
from core.penalties import PENALTIES
from core.plan import OPTIMISERS, RATE_SCHEDULES, TARGETS, Plan
from core.recovery import RECOVERIES
from core.refusals import of_preparation, of_recovery
from pages.ui.numbers import Number, numbers
from pages.ui.settings import bound, folder
from pages.ui.state import AppState

_RATES = {"constant": "constant", "cosine": "cosine", "step": "stepwise"}
_OPTIMISERS = {"adam": "Adam", "sgd": "SGD", "adamw": "AdamW"}
_TARGETS = {"auto": "as usual", "accuracy": "accuracy", "f1_macro": "macro F1", "loss": "loss"}
#: Strengths of a penalty, from hardly felt to crushing.
_STRENGTHS = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0]
_FIRST = {
    "epochs": Number("Epochs", 0, 10_000, "Training after the last pruning step. 0 prunes and measures only."),
    "learning_rate": Number("Learning rate", 1e-6, 10.0, step=1e-4, format="%g"),
    "rewind_epoch": Number("Epoch to go back to", 0, 10_000, "Counted in the training before pruning."),
    "temperature": Number(
        "Temperature", 0.1, 100.0, "Above 1 the teacher's doubts between classes weigh more.", 0.5, "%g"
    ),
    "teacher_weight": Number(
        "Teacher's weight, %", 0.0, 100.0, "The rest is the usual loss.", 5.0, "%.0f", percent=True
    ),
}


def preparation_settings(state: AppState, plan: Plan) -> None:
    """Training before the first pruning step, folded away while there is none."""
    given = plan.preparation
    with folder("Before pruning", _prepared(plan)):
        st.number_input(
            "Epochs before",
            0,
            10_000,
            help="Training before the first pruning step, with the optimiser and rate below.",
            **bound(state, "preparation_epochs", given.epochs, lambda p, v: _preparing(p, epochs=v)),
        )
        st.toggle(
            "Fresh weights",
            help="Start from newly drawn weights (He or Glorot, by the seed) instead of the model's own: "
            "pruning at initialisation, and lottery tickets.",
            **bound(state, "fresh", given.fresh, lambda p, v: _preparing(p, fresh=v)),
        )
        penalty = PENALTIES[given.penalty]
        st.selectbox(
            "Penalty",
            list(PENALTIES),
            format_func=lambda name: PENALTIES[name].title,
            help=f"**{penalty.title}**: {penalty.formula}\n\n{penalty.reference}",
            **bound(state, "penalty", given.penalty, lambda p, v: _preparing(p, penalty=v)),
        )
        if "strength" in penalty.settings:
            st.select_slider(
                "Strength λ",
                sorted({*_STRENGTHS, given.strength}),
                format_func=lambda value: f"{value:g}",
                **bound(state, "strength", given.strength, lambda p, v: _preparing(p, strength=v)),
            )
            st.caption(penalty.note)
        sentence = of_preparation(plan)
        if sentence:
            st.warning(sentence)


def _prepared(plan: Plan) -> str:
    """ "", or "10 epochs with L1 from fresh weights"."""
    given = plan.preparation
    fresh = "fresh weights" if given.fresh else ""
    if not given.epochs:
        return fresh
    by = f" with {PENALTIES[given.penalty].title}" if given.penalty != "none" else ""
    return f"{epochs(given.epochs)}{by}{f' from {fresh}' if fresh else ''}"


def recovery_settings(state: AppState, plan: Plan) -> None:
    """How the network heals after pruning."""
    method = RECOVERIES[plan.recovery.method]
    st.selectbox(
        "How it heals",
        list(RECOVERIES),
        format_func=lambda name: RECOVERIES[name].title,
        help=f"**{method.title}**: {method.formula}\n\n{method.reference}",
        **bound(state, "recovery", plan.recovery.method, lambda p, v: _healing(p, method=v)),
    )
    st.caption(method.note)
    sentence = of_recovery(plan)
    if sentence:
        st.warning(sentence)
    numbers(state, _FIRST, method.settings, plan.recovery, lambda p, n, v: _healing(p, **{n: v}))
    with folder("Finer settings", _summary(plan)):
        _finer(state, plan)


def _wanted(plan: Plan) -> set[str]:
    """What matters: to the recovery, and to the training before pruning."""
    before = {"optimiser", "learning_rate", "rate_schedule", "batch_size"} if plan.preparation.epochs else set()
    return {*RECOVERIES[plan.recovery.method].settings, *before}


def _summary(plan: Plan) -> str:
    given, wanted = plan.recovery, _wanted(plan)
    told = [f"{_OPTIMISERS[given.optimiser]}, {_RATES[given.rate_schedule]} rate"] if "optimiser" in wanted else []
    if "epochs" in wanted:
        told += ["keeps the best"] if given.keep_best else []
        told += [f"stops early after {given.patience}"] if given.patience else []
        told += ["class weights"] if given.class_weights else []
    told += ["recalibrates BatchNorm"] if given.recalibrate else []
    return ", ".join(told) or f"Seed {plan.seed}"


def _finer(state: AppState, plan: Plan) -> None:
    given, wanted = plan.recovery, _wanted(plan)
    left, right = st.columns(2)
    if "optimiser" in wanted:
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
        change = bound(state, "batch_size", given.batch_size, lambda p, v: _healing(p, batch_size=v))
        left.number_input("Batch size", 1, 65_536, **change)
    right.number_input(
        "Seed",
        0,
        2**31 - 1,
        help="The same seed gives the same weights on the same machine.",
        **bound(state, "seed", plan.seed, lambda p, v: replace(p, seed=v)),
    )
    if "epochs" in wanted:
        _keeping(state, plan, left, right)
    if not RECOVERIES[given.method].recalibrates and state.fact("normalised", True):
        st.toggle(
            "Recalibrate BatchNorm",
            help="After every pruning step, measure the statistics of batch normalisation anew on training samples, "
            "without training.",
            **bound(state, "recalibrate", given.recalibrate, lambda p, v: _healing(p, recalibrate=v)),
        )


def _keeping(state: AppState, plan: Plan, left: Any, right: Any) -> None:
    """Which epoch is taken, and what makes one better than another."""
    given = plan.recovery
    regression = state.fact("output", "") == "regression"
    classes = ("accuracy", "f1_macro")
    left.selectbox(
        "Better is judged by",
        [name for name in TARGETS if not (regression and name in classes)],
        format_func=lambda name: _TARGETS[name],
        help="On the validation split; decides which epoch is kept and when to stop early. As usual: accuracy, or R² "
        "of a regression. Macro F1 treats rare classes like frequent ones.",
        **bound(state, "target", given.target, lambda p, v: _healing(p, target=v)),
    )
    right.number_input(
        "Stop early after",
        0,
        10_000,
        help="Epochs in a row that are no better; 0 never stops early.",
        **bound(state, "patience", given.patience, lambda p, v: _healing(p, patience=v)),
    )
    st.toggle(
        "Keep the best",
        help="Take the weights of the best epoch, not those of the last.",
        **bound(state, "keep_best", given.keep_best, lambda p, v: _healing(p, keep_best=v)),
    )
    if not regression:
        st.toggle(
            "Class weights",
            help="Samples of rare classes count more in the loss: for unbalanced data.",
            **bound(state, "class_weights", given.class_weights, lambda p, v: _healing(p, class_weights=v)),
        )


def _preparing(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, preparation=replace(plan.preparation, **changes))


def _healing(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, recovery=replace(plan.recovery, **changes))
