"""Two criteria side by side: a scatter, how far their masks agree layer by layer, and where they differ."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from core.catalogue import family, ranking
from core.charts.agreement import Agreement, agreements, coefficient, decades, scatter_rows, scatter_spec
from core.charts.picture import lone_colours, mask_picture, turned
from core.charts.words import count, percent
from core.criteria import CRITERIA
from core.plan import Plan
from core.structures import STRUCTURES
from pages.ui.charts import chart, mode, theme
from pages.ui.method_boxes import structure_box
from pages.ui.preview import questioned
from pages.ui.settings import viewed
from pages.ui.state import AppState

Answer = Mapping[str, Any]
_SCALES = ("ranks", "scores")


def side_by_side(state: AppState, plan: Plan) -> None:
    """Choose two, and see."""
    names = _choice(state, plan)
    if names is None:
        return
    waiting = st.empty()
    both = {"criterion_a": names[0], "criterion_b": names[1]}
    words = "Scoring by both"
    answer = questioned(state, plan, "compare", chart="compare", slot=waiting, words=words, **both)
    titles = (CRITERIA[names[0]].title, CRITERIA[names[1]].title)
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        _scatter(state, answer, titles)
    with right:
        rows = agreements(answer)
        _bars(plan, rows, titles, answer["total"]["size"])
        _where(state, plan, both, [row.layer for row in rows[1:] if row.taken])
    _left_out(answer["left_out"])


def _choice(state: AppState, plan: Plan) -> tuple[str, str] | None:
    """Two criteria that rank the structure; None where there are not two."""
    options = ranking(plan.structure)
    if len(options) < 2:
        st.info(f"Only one criterion ranks {STRUCTURES[plan.structure].unit}s; there is nothing to compare.")
        return None
    usual = plan.criterion, _another(plan.criterion, options)
    with st.container(horizontal=True, vertical_alignment="bottom", key="pair_bar"):
        for key, label, default in (("pair_a", "First", usual[0]), ("pair_b", "Second", usual[1])):
            st.selectbox(
                label,
                options,
                format_func=lambda name: f"{CRITERIA[name].title} · {family(CRITERIA[name])}",
                width=250,
                **viewed(state, key, f"inspect.{key}", default, options),
            )
        structure_box(state, plan, width=180)
        st.segmented_control("Axes", _SCALES, required=True, **viewed(state, "pair_axes", "inspect.axes", "ranks"))
    return str(state.view("inspect.pair_a", usual[0])), str(state.view("inspect.pair_b", usual[1]))


def _another(criterion: str, options: Sequence[str]) -> str:
    """The first that looks at something else: two criteria of one family say nearly the same."""
    others = [name for name in options if name != criterion]
    own = family(CRITERIA[criterion])
    return next((name for name in others if family(CRITERIA[name]) != own), others[0])


def _scatter(state: AppState, answer: Answer, titles: tuple[str, str]) -> None:
    scale = state.view("inspect.axes", "ranks")
    rows = scatter_rows(answer, scale)
    if not rows:
        st.info("There is no layer that both can rank.")
        return
    st.html(
        f'<div class="facts"><div><b>{coefficient(answer["spearman"])}</b>'
        f"<span>Spearman's rank correlation, all layers together</span></div></div>"
    )
    layers = tuple(dict.fromkeys(row["layer"] for row in rows))
    spec = scatter_spec(titles, layers, scale, mode(), decades(answer))
    chart(rows, spec, key="pair_scatter", alt=f"{titles[0]} against {titles[1]}, one dot per unit")
    drawn, whole = len(rows), answer["total"]["size"]
    if drawn < whole:
        st.caption(f"{count(drawn)} of {count(whole)} units are drawn, by chance; the correlation is of all.")


def _bars(plan: Plan, rows: Sequence[Agreement], titles: tuple[str, str], size: int) -> None:
    """Of what either takes: by both, only by the first, only by the second."""
    first, second = lone_colours(theme())
    names = ((f"both ({percent(rows[0].both / rows[0].taken)})", theme().pruned),) if rows[0].taken else ()
    legend = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in (*names, (f"only {titles[0]}", first), (f"only {titles[1]}", second))
    )
    goes = (rows[0].both + rows[0].only_a) / max(size, 1)
    st.markdown(f"**What they take** where {percent(goes)} of all {STRUCTURES[plan.structure].unit}s go")
    if not rows[0].taken:
        st.caption("Nothing goes in this plan: set a sparsity on Prune to see where the two agree.")
        return
    body = "".join(_bar(row, first, second) for row in rows)
    st.html(f'<div class="agreement"><p class="key">{legend}</p>{body}</div>')


def _bar(row: Agreement, first: str, second: str) -> str:
    parts = "".join(
        f'<b style="width:{row.width(part)};background:{colour}"></b>'
        for part, colour in ((row.both, theme().pruned), (row.only_a, first), (row.only_b, second))
    )
    return (
        f'<div class="row"><span>{escape(row.name)}<small>ρ {row.spearman}</small></span><i>{parts}</i>'
        f"<em>{count(row.both)} · {count(row.only_a)} · {count(row.only_b)}</em></div>"
    )


def _where(state: AppState, plan: Plan, both: Mapping[str, str], layers: Sequence[str]) -> None:
    """The masks of one layer over each other, in three colours."""
    options = list(dict.fromkeys(layers))
    if not options:
        return
    settings = viewed(state, "pair_layer", "inspect.pair_layer", options[0], options)
    st.selectbox("Where they differ, in", options, width=250, **settings)
    layer = state.view("inspect.pair_layer", options[0])
    waiting = st.empty()
    words = "Looking where they differ"
    answer = questioned(state, plan, "differ", chart="differ", slot=waiting, words=words, layer=layer, **both)
    for weight in answer["weights"]:
        shares = [np.asarray(weight[name]) for name in ("both", "only_a", "only_b")]
        drawn = mask_picture(shares[0], shares[1], shares[2], theme())
        sides = ("column", "row") if turned(shares[0].shape) else ("row", "column")
        st.image(drawn, width="stretch", alt=f"What both, or one, would take of {weight['name']}")
        st.caption(f"{weight['name']}: one {sides[0]} per output, one {sides[1]} per input; grey stays under both.")


def _left_out(reasons: Mapping[str, str]) -> None:
    if reasons:
        said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        st.caption(f"Not compared: {said}.")
