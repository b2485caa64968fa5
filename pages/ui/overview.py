"""What the chosen network is made of: figures, how its output is read, layers, picture."""

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

import streamlit as st

from core.charts.inputs import inputs_text, outputs
from core.charts.quality import QUALITIES, is_regression, qualities
from core.charts.words import amount, count, percent, size
from core.errors import PruneError
from core.measurement import Measurement
from core.plan import OUTPUTS, Plan
from pages.ui.network import picture
from pages.ui.page import link
from pages.ui.panel import panel
from pages.ui.services import dense, description
from pages.ui.state import AppState, show, widget
from pages.ui.summary import summary

_OUTPUT_WORDS = {
    "logits": "logits (softmax not applied)",
    "probabilities": "probabilities",
    "log_probabilities": "log-probabilities",
    "sigmoid": "one sigmoid unit",
    "sigmoid_logit": "one logit (sigmoid not applied)",
    "regression": "values (regression)",
}


def overview(state: AppState, plan: Plan) -> None:
    """Everything about the open model, on the page that chose it."""
    with st.spinner("Opening the network…"):
        known = description(plan.model, plan.output)
    st.html('<hr class="rule">')
    figures, output = st.columns([1.7, 1], gap="large", vertical_alignment="bottom")
    slot = figures.empty()
    slot.html(_figures(known))
    for note in known["notes"]:
        st.info(note)
    found = _worth(plan, known, slot)
    with output:
        _output(state, plan, is_regression(found))
    with figures.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="content", key="next"):
            link("prune", "Prune this model")
        link("look", "Inspect it first")
    table, drawing = st.columns([1.7, 1], gap="large")
    with table:
        st.html("<h2 class='section'>Layers</h2>" + summary(known))
    with drawing:
        st.html("<h2 class='section'>The network</h2>")
        panel(picture(known), key="network")
        st.caption("Lines of one colour carry channels that can only be removed together. Grey ones are zeroed only.")


def _worth(plan: Plan, known: Mapping[str, Any], slot: Any) -> Measurement | None:
    """Measure the whole model; what the data lacks is said here, the rest of the page stays."""
    try:
        with st.spinner("Measuring it on the test data…"):
            found = dense(plan.model, plan.output, plan.data.name, plan.data.scaling)
    except PruneError as err:
        st.error(str(err))
        return None
    measured = Measurement.from_dict(found)
    slot.html(_figures(known, found["samples"], measured))
    if found["accuracy"] is not None and _near_chance(found["accuracy"], known["classes"], found["samples"]):
        st.warning(
            f"{percent(found['accuracy'])} is what guessing among {known['classes']} classes gives. Perhaps the "
            "network was trained on another scaling, its output is read wrongly, or this is not its data."
        )
    return measured


def _figures(known: Mapping[str, Any], samples: int = 0, measured: Measurement | None = None) -> str:
    regression = known["output"] == "regression" or is_regression(measured)
    quality = QUALITIES[qualities(regression)[0]]
    on = f"test {quality.title}" if measured is None else f"test {quality.title}, {count(samples)} samples"
    cells = {
        on: "…" if measured is None else quality.of(measured, 2 if quality.share else 3),
        "parameters": count(known["parameters"]),
        "of them prunable": count(known["prunable_parameters"]),
        "MACs (multiply-adds)": amount(known["macs"]),
        "model file": size(known["file_bytes"]),
        _told(known, regression): count(outputs(known) if regression else known["classes"]),
    }
    body = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in cells.items())
    return f'<div class="facts">{body}</div><p class="hint">One sample: {escape(inputs_text(known))}.</p>'


def _told(known: Mapping[str, Any], regression: bool) -> str:
    if not regression:
        return "classes"
    return "value told" if outputs(known) == 1 else "values told"


def _output(state: AppState, plan: Plan, regression: bool) -> None:
    """How the output is read, and another reading where that was recognised wrongly."""
    show("output", plan.output)
    recognised = description(plan.model)["output"]
    words = f"{_OUTPUT_WORDS[recognised]}, as recognised"
    if regression and recognised != "regression":
        words = f"{_OUTPUT_WORDS['regression']}, as the data asks"
    st.selectbox(
        "Its output is",
        [None, *OUTPUTS],
        key="output",
        format_func=lambda kind: _OUTPUT_WORDS[kind] if kind else words,
        on_change=lambda: state.edit(replace(plan, output=widget("output"))),
        help="Loss and fine-tuning depend on it.",
    )


def _near_chance(accuracy: float, classes: int, samples: int) -> bool:
    """No better than guessing, give or take two standard errors."""
    chance = 1 / max(classes, 2)
    return accuracy <= chance + 2 * (chance * (1 - chance) / max(samples, 1)) ** 0.5
