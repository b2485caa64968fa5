"""What is done to the network once it has healed: steps that make its weights smaller."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.compression import COMPRESSIONS, PRESETS, clash
from core.edits import with_compression, with_step
from core.plan import STARTS, Compression, Plan
from pages.ui.low_rank_settings import low_rank_settings
from pages.ui.numbers import Number
from pages.ui.settings import bound, folder
from pages.ui.state import AppState

_NUMBERS = {
    "bits": Number("Bits a weight", 1, 12, "Of the index of a shared value in fully connected and recurrent layers."),
    "conv_bits": Number("Bits, convolutions", 1, 12, "The same in convolutions: few weights, used often."),
    "epochs": Number("Epochs", 0, 1000, "Of settling afterwards, at a tenth of the learning rate. 0 leaves it."),
    "energy": Number("Energy kept, %", 1.0, 100.0, "Share of the squared singular values.", 1.0, "%g", percent=True),
    "sparsity": Number("Pruned, %", 0.0, 99.9, "Share of the factors' entries that goes.", 5.0, "%g", percent=True),
}
_STARTS = {"linear": "evenly spaced", "density": "by density", "random": "drawn", "k-means++": "k-means++"}


def compression_settings(state: AppState, plan: Plan) -> None:
    """The steps and what each is told, folded away while there is none."""
    chosen = [choice.method for choice in plan.compression]
    titles = ", ".join(COMPRESSIONS[name].title for name in chosen)
    with folder("Compression", titles):
        _presets(state)
        st.pills(
            "Steps",
            list(COMPRESSIONS),
            format_func=lambda name: COMPRESSIONS[name].title,
            selection_mode="multi",
            wrap=True,
            help="Carried out in this order, after the last epoch. Each is weighed on disk and measured on test.",
            **bound(state, "compressions", chosen, with_compression),
        )
        if sentence := clash(plan.compression):
            st.warning(sentence)
        for choice in plan.compression:
            _step(state, choice)
            if "ranks" in COMPRESSIONS[choice.method].settings:
                low_rank_settings(state, plan, choice)


def _presets(state: AppState) -> None:
    for preset in PRESETS.values():
        st.button(
            preset.title,
            key=f"preset_{preset.name}",
            help=f"{preset.note}\n\n{preset.reference}",
            on_click=lambda preset=preset: state.plan and state.edit(preset.applied(state.plan)),
        )


def _step(state: AppState, choice: Compression) -> None:
    """One step: what it does, and only the settings that matter for it."""
    method = COMPRESSIONS[choice.method]
    st.markdown(f"**{method.title}**", help=f"{method.formula}\n\n{method.reference}")
    zeros = "" if method.keeps_zeros else " Pruned zeros do not stay zeros."
    st.caption(f"{method.note}{zeros}")
    sentence = method.refuses(choice)
    if sentence:
        st.warning(sentence)
    places: list[Any] = []
    for name in method.settings:
        if name not in _NUMBERS and name != "start":
            continue
        places = places or list(st.columns(2))
        place = places.pop(0)

        def change(plan: Plan, value: Any, name: str = name) -> Plan:
            return with_step(plan, replace(_now(plan, choice), **{name: value}))

        if name == "start":
            place.selectbox(
                "Values begin",
                STARTS,
                format_func=lambda start: _STARTS[start],
                help="Evenly spaced keeps a value near each of the few large weights, which matter most.",
                **bound(state, f"{choice.method}_start", choice.start, change),
            )
        else:
            _NUMBERS[name].draw(place, state, f"{choice.method}_{name}", getattr(choice, name), change)


def _now(plan: Plan, choice: Compression) -> Compression:
    """That step as the plan has it when the person has changed something."""
    return next((one for one in plan.compression if one.method == choice.method), choice)
