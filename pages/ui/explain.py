"""A layer explained: a sample, what each unit makes of it, and what changes when one of them is cut."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from core.charts.explaining import (
    class_name,
    effect_facts,
    probability_rows,
    probability_spec,
    recall_rows,
    recall_spec,
    sample_uri,
    series_uri,
    told_line,
    unit_tiles,
)
from core.charts.words import count
from core.criteria import CRITERIA
from core.errors import PruneError
from core.plan import Plan
from pages.ui.charts import chart, mode, theme
from pages.ui.preview import questioned
from pages.ui.settings import viewed
from pages.ui.state import AppState
from pages.ui.units import units

Answer = Mapping[str, Any]
_CLASS, _NUMBER, _ORDER, _UNIT = "inspect.class", "inspect.number", "inspect.order_of_units", "inspect.unit"
#: Buttons for the samples that a cut confuses most.
_HURT = 6


def explain(state: AppState, plan: Plan, weight: str) -> None:
    """The section at the foot of an opened layer."""
    st.html('<hr class="rule"><h2 class="section">What it responds to, and what a cut changes</h2>')
    slot = st.empty()
    sample = {"class": state.view(_CLASS, 0), "number": int(state.view(_NUMBER, 1)) - 1}
    try:
        more = {"weight": weight, "order": state.view(_ORDER, "response"), **sample}
        answer = questioned(state, plan, "respond", chart="respond", slot=slot, words="Looking", **more)
    except PruneError as err:
        st.caption(str(err))
        return
    left, right = st.columns([1, 3.2], gap="large")
    with left:
        _sample(state, answer)
    with right:
        chosen = _units(state, plan, weight, answer)
    if not answer["cuttable"]:
        st.caption(f"None of them can be cut: {answer['reason']}.")
    elif chosen is None:
        st.caption(
            f"Click {_a(answer['unit'])}: it is cut with all that hangs on it, and what that changes shows here."
        )
    else:
        _cut(state, plan, weight, answer, chosen, sample)


def _a(unit: str) -> str:
    return f"{'an' if unit[0] in 'aeiou' else 'a'} {unit}"


def _sample(state: AppState, answer: Answer) -> None:
    """Which sample is looked at, by class and number, and what the network says of it."""
    sample, classes = answer["sample"], answer["classes"]
    if sample["label"] is not None:
        names = list(range(len(classes)))
        st.selectbox(
            "Sample of class",
            names,
            format_func=lambda label: class_name(classes, label),
            **viewed(state, "sample_class", _CLASS, names[0], names),
        )
    last = int(sample["of"])
    if int(state.view(_NUMBER, 1)) != sample["number"] + 1:
        state.set_view(_NUMBER, int(sample["number"]) + 1)  # there are fewer of this class
    numbered = viewed(state, "sample_number", _NUMBER, 1)
    st.number_input(f"Number, of {count(last)} in the validation split", 1, max(last, 2), **numbered)
    st.html(f'<div class="sample">{"".join(_input(one) for one in sample["inputs"])}</div>')
    st.caption(f"The network {told_line(answer)}.")


def _input(one: Answer) -> str:
    """One input of the sample as it is seen."""
    values, name = np.asarray(one["values"]), f"<span>{escape(one['name'])}</span>" if one["name"] else ""
    if one["kind"] == "picture":
        return f'{name}<img src="{sample_uri(values, theme())}" alt="The sample as a picture">'
    if one["kind"] == "series":
        return f'{name}<img class="series" src="{series_uri(values, theme())}" alt="The sample as a line">'
    told = " ".join(f"{value:g}" for value in values[:60]) + (" …" if values.size > 60 else "")
    return f"{name}<p>{'tokens ' if one['kind'] == 'tokens' else ''}{escape(told)}</p>"


def _units(state: AppState, plan: Plan, weight: str, answer: Answer) -> int | None:
    """What each unit makes of the sample; the one that is chosen, if it is one of this layer."""
    ranked = answer["worth"] is not None
    orders = {"response": "strongest response"} | ({"criterion": CRITERIA[plan.criterion].title} if ranked else {})
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{answer['unit'][0].upper()}{answer['unit'][1:]}s**", width="content")
        if ranked:
            st.segmented_control(
                "Order",
                list(orders),
                format_func=orders.__getitem__,
                required=True,
                label_visibility="collapsed",
                **viewed(state, "order_of_units", _ORDER, "response"),
            )
    kept: list[Any] = state.view(_UNIT, [])
    chosen = int(kept[1]) if kept and kept[0] == weight and kept[1] < answer["count"] else None
    tiles = unit_tiles(answer, theme())
    units(tiles, chosen=chosen, key="units", on_pick=lambda unit: state.set_view(_UNIT, [weight, unit]))
    shown = f"{len(tiles)} of {count(answer['count'])}" if len(tiles) < answer["count"] else f"All {count(len(tiles))}"
    st.caption(f"{shown}, as they answer to this sample: teal above zero, blue below, the mean beside the number.")
    return chosen if answer["cuttable"] else None


def _cut(state: AppState, plan: Plan, weight: str, answer: Answer, unit: int, sample: Answer) -> None:
    """What changes without one unit."""
    st.html(f'<h2 class="section">Without {escape(answer["unit"])} {unit}</h2>')
    slot = st.empty()
    try:
        words = "Predicting with and without it"
        asked = {"weight": weight, "unit": unit, **sample}
        effect = questioned(state, plan, "without", chart="without", slot=slot, words=words, **asked)
    except PruneError as err:
        st.caption(str(err))
        return
    facts = effect_facts(effect, answer["classes"])
    with st.grid(len(facts), min_column_width=150, gap="small"):
        for label, value, of in facts:
            st.metric(label, value, of, delta_color="off", delta_arrow="off")
    if "accuracy" in effect:
        _changes(state, answer, effect)
    part = "" if effect["samples"] == effect["of_samples"] else f" on the first {count(effect['samples'])} samples"
    what = f" An estimate: {effect['estimated']}." if effect["estimated"] else ""
    st.caption(f"Measured on the validation split{part}, its group's biases and its consumers' weights gone too.{what}")


def _changes(state: AppState, answer: Answer, effect: Answer) -> None:
    """This sample's probabilities, every class' recall, and the samples that suffer most."""
    classes = answer["classes"]
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**This sample**")
        rows = probability_rows(effect, classes)
        chart(
            rows, probability_spec(mode()), key="sample_chances", alt="Probabilities of the sample with and without it"
        )
    with right:
        st.markdown("**Classes**")
        rows = recall_rows(effect, classes)
        chart(rows, recall_spec(mode()), key="class_changes", alt="Change in recall of every class")
    if not effect["hurt"]:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="hurt"):
        st.markdown("**Most confused by the cut**", width="content")
        for place, one in enumerate(effect["hurt"][:_HURT]):
            name, now = class_name(classes, one["label"]), class_name(classes, one["now"])
            said = f"{name} no. {one['number'] + 1}" + (f" → {now}" if one["now"] != one["was"] else "")
            st.button(
                said,
                key=f"hurt_{place}",
                help=f"The probability of {name} falls by {100 * one['drop']:.0f} points.",
                on_click=_look_at,
                args=(state, one["label"], one["number"]),
            )


def _look_at(state: AppState, label: int, number: int) -> None:
    state.set_view(_CLASS, int(label))
    state.set_view(_NUMBER, int(number) + 1)
