"""All layers at a glance, one row each, with a threshold to drag."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

import streamlit as st

from core.charts.frame import crowded
from core.charts.words import GAP, percent
from core.plan import Override, Plan
from pages.ui.preview import Answer, Pool, edited
from pages.ui.settings import viewed
from pages.ui.state import AppState
from pages.ui.threshold import Edit, Row, threshold

_FIRST, _MORE = 12, 24
_SCALE = (
    "Linear, or logarithmic in both directions: then few large and many small ones, and low bars beside high ones, are "
    "seen together."
)


def axes(state: AppState, plan: Plan, pools: Sequence[Pool]) -> None:
    """What the bars are, and how their axes run."""
    things = pools[0].unit if pools else "units"
    with st.container(horizontal=True, vertical_alignment="center", key="axes"):
        words = f"Each bar: how many {things} are worth that much{_spread(pools) or '. Worth grows to the right.'}"
        st.caption(words, width="stretch")
        st.caption("Scale", help=_SCALE, width="content")
        st.segmented_control(
            "Scale",
            ["linear", "log"],
            required=True,
            label_visibility="collapsed",
            width="content",
            **viewed(state, "axis", "prune.axis", _default_axis(pools)),
        )


def _spread(pools: Sequence[Pool]) -> str:
    """How far scores vary between calibration batches, where data is looked at: the least and the most of a layer."""
    known = [pool.spread for pool in pools if pool.spread is not None]
    if not known:
        return ""
    least, most = percent(min(known), 0).removesuffix("%").rstrip(), percent(max(known), 0)
    return f", ± {most if f'{least} %' == most.replace(GAP, ' ') else f'{least} to {most}'} between batches."


def _default_axis(pools: Sequence[Pool]) -> str:
    """Logarithmic where a linear axis would crowd most of a layer into its first bar."""
    return "log" if any(crowded(pool.linear[2]) for pool in pools) else "linear"


def layers(state: AppState, plan: Plan, pools: Sequence[Pool], answer: Answer) -> None:
    """The rows; the first twelve at once, more when asked for."""
    log = state.view("prune.axis", _default_axis(pools)) == "log"
    shown = state.rows_shown or _FIRST
    several = {pool.layer for pool in pools if sum(other.layer == pool.layer for other in pools) > 1}
    with st.container(gap=None, key="layers"):
        for pool in pools[:shown]:
            key = f"threshold_{pool.layer}"
            if pool.layer in several:
                key = f"{key}_{pool.name.rsplit('.', 1)[-1]}"
            threshold(
                _row(plan, pool, answer, log), key=key, session=state.session, on_edit=_change(state, pool, answer)
            )
    left = len(pools) - shown
    if left > 0:

        def more() -> None:
            state.rows_shown = shown + _MORE

        st.button(f"Show {min(left, _MORE)} more of {left} layers", key="show_more", on_click=more, width="stretch")


def left_out(reasons: Mapping[str, str]) -> None:
    """Layers that are not among the rows, one line for each reason."""
    if reasons:
        by_reason: dict[str, list[str]] = {}
        for layer, reason in reasons.items():
            by_reason.setdefault(reason, []).append(layer)
        lines = "".join(
            f"<p><b>{escape(', '.join(names))}</b>{escape(reason)}</p>" for reason, names in by_reason.items()
        )
        st.html(f'<section class="left-out"><h3>Left whole</h3>{lines}</section>')


def _row(plan: Plan, pool: Pool, answer: Answer, log: bool) -> Row:
    low, high, counts = pool.log if log else pool.linear
    override = plan.overrides.get(pool.name)
    reached = answer.threshold.get(pool.name)
    dragged = override.threshold if override and not override.excluded else None
    return Row(
        pool=pool.name,
        label=pool.title,
        shape=pool.shape,
        unit=pool.unit,
        size=pool.size,
        low=low,
        high=high,
        counts=counts,
        drawing=f"{plan.model} {plan.criterion} {plan.structure} {plan.seed} {plan.data} {log}",
        removed=answer.removed.get(pool.name, 0),
        threshold=dragged if dragged is not None else _finite(reached, high),
        symbol="|w|" if (plan.criterion, plan.structure) == ("magnitude", "unstructured") else "score",
        log=log,
        held=override is not None and not override.excluded,
        excluded=override is not None and override.excluded,
        note=pool.note,
    )


def _finite(reached: float | None, high: float) -> float:
    """The smallest score kept; the end of the axis where none is."""
    return high if reached is None or reached != reached or reached == float("inf") else reached


def _change(state: AppState, pool: Pool, answer: Answer) -> Callable[[Edit], None]:
    def change(edit: Edit) -> None:
        if state.plan is not None:
            state.edit(edited(state.plan, pool.name, _override(edit, pool, answer)))

    return change


def _override(edit: Edit, pool: Pool, answer: Answer) -> Override | None:
    """What a gesture asks for; None sets the layer free."""
    if edit.act == "threshold":
        return Override(threshold=float(edit.value))
    if edit.act == "share":
        return Override(count=round(min(1.0, max(0.0, float(edit.value))) * pool.size))
    if edit.act == "lock" and edit.value:
        return Override(count=answer.removed.get(pool.name, 0), locked=True)
    if edit.act == "leave out" and edit.value:
        return Override(excluded=True)
    return None
