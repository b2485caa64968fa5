"""Asking the lab what the plan at hand would do, and what its histograms look like."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.criteria import CRITERIA
from core.edits import ranked
from core.measurement import Measurement
from core.plan import Override, Plan
from pages.ui.services import RESTARTED, asking, description, model_file
from pages.ui.state import AppState
from pages.ui.waiting import awaited, begun

#: Seconds of predicting after which an estimate is shown.
BUDGET = 0.25
BINS = 64


@dataclass(frozen=True)
class Pool:
    """One row's histogram, as plain lists: equal bins from ``low`` to ``high``, linear and logarithmic."""

    name: str
    layer: str
    title: str
    unit: str
    size: int
    shape: str
    note: str
    linear: tuple[float, float, list[int]]
    log: tuple[float, float, list[int]]
    cuttable: bool = False
    spread: float | None = None


@dataclass(frozen=True)
class Answer:
    """What the lab said of a plan. ``removed`` and ``threshold`` are by pool."""

    plan: Plan
    removed: dict[str, int]
    threshold: dict[str, float]
    now: Measurement
    dense: Measurement
    classes: tuple[str, ...]
    finished: bool
    estimated: tuple[str, ...] = ()


def questioned(
    state: AppState, plan: Plan, method: str, /, *, chart: str, slot: DeltaGenerator, words: str, **more: Any
) -> dict[str, Any]:
    """The lab's answer; meanwhile ``slot`` shows how far it is. Who asks the same again goes on waiting for it."""
    of = repr((method, plan, sorted(more.items())))
    asked = state.asked.get(chart)
    if asked is None or asked.of != of:
        asked = state.asked[chart] = begun(of, asking(plan, method, person=state.session, chart=chart, **more))
    try:
        told = awaited(asked, slot, words)
    finally:
        if asked.future.done():
            state.asked.pop(chart, None)
    if told.pop(RESTARTED, False):
        state.notice = RESTARTED
    return told


def answers(state: AppState, plan: Plan, slot: DeltaGenerator) -> Iterator[Answer]:
    """The first answer within the budget, then better ones until the whole split was looked at.

    The counts that dragged thresholds come to are put into the plan, so that a run obeys them exactly.
    """
    known = state.answer
    if isinstance(known, Answer) and known.plan == plan and known.finished:
        yield known
        return
    while True:
        told = questioned(state, plan, "preview", chart="preview", slot=slot, words="Measuring", budget=BUDGET)
        plan = settled(plan, {pool["name"]: pool["removed"] for pool in told["pools"]})
        state.settle(plan)
        state.answer = _answer(plan, told)
        units = sum(pool["size"] for pool in told["pools"])
        state.comes_to(plan, state.answer.now.sparsity, sum(state.answer.removed.values()) / max(units, 1))
        yield state.answer
        if state.answer.finished:
            return


def settled(plan: Plan, removed: dict[str, int]) -> Plan:
    """The plan with a count for every threshold that has none yet."""
    counted = {
        name: replace(given, count=removed[name]) if given.count is None and not given.excluded else given
        for name, given in plan.overrides.items()
    }
    return plan if counted == plan.overrides else replace(plan, overrides=counted)


def _answer(plan: Plan, told: dict[str, Any]) -> Answer:
    return Answer(
        plan,
        {pool["name"]: pool["removed"] for pool in told["pools"]},
        {pool["name"]: pool["threshold"] for pool in told["pools"]},
        Measurement.from_dict(told["measurement"]),
        Measurement.from_dict(told["dense"]),
        tuple(told["classes"]),
        bool(told["finished"]),
        tuple(told["estimated"]),
    )


def scores(state: AppState, plan: Plan, slot: DeltaGenerator) -> Mapping[str, Any]:
    """The lab's histograms of every pool, asked once: they depend on what is ranked, not on what is cut."""
    bare = ranked(plan)
    kept = _scored(_mark(plan))
    if not kept:
        words = f"Scoring by {CRITERIA[plan.criterion].title}"
        kept |= questioned(state, bare, "histograms", chart="scores", slot=slot, words=words, bins=BINS)
    return kept


def _mark(plan: Plan) -> str:
    """Of all that scores depend on; equal bare weights may be of another network in another workspace."""
    return f"{model_file(plan.model).architecture} {ranked(plan)!r}"


@st.cache_resource(show_spinner=False, max_entries=100)
def _scored(key: str) -> dict[str, Any]:
    return {}


def histograms(state: AppState, plan: Plan, slot: DeltaGenerator) -> tuple[Pool, ...]:
    """The same as plain rows."""
    return _rows(_mark(plan), plan, scores(state, plan, slot))


@st.cache_resource(show_spinner=False, max_entries=100)
def _rows(key: str, _plan: Plan, _told: Mapping[str, Any]) -> tuple[Pool, ...]:
    known = description(_plan.model, _plan.output)
    kinds = {layer["name"]: layer["class_name"] for layer in known["layers"]}
    producers = {group["name"]: group["producers"] for group in known["groups"]}
    return tuple(_pool(pool, kinds, producers) for pool in _told["pools"])


def _pool(told: dict[str, Any], kinds: dict[str, str], producers: dict[str, list[str]]) -> Pool:
    log = told["log_edges"]
    return Pool(
        told["name"],
        told["layer"],
        told["title"],
        f"{told['unit']}s",
        int(told["size"]),
        _shape(told, kinds, producers),
        f"zeroed, not removed: {told['reason']}" if told["reason"] and not told["cuttable"] else "",
        _cropped(told["edges"], told["counts"], told["unit"] != "weight"),
        (10.0 ** float(log[0]), 10.0 ** float(log[-1]), [int(n) for n in told["log_counts"]]),
        bool(told["cuttable"]),
        told["spread"],
    )


def _cropped(edges: Any, counts: Any, crop: bool) -> tuple[float, float, list[int]]:
    """Scores of channels and the like lie far from zero: their axis starts a little before the lowest."""
    bars = [int(n) for n in counts]
    first = next((i for i, n in enumerate(bars) if n), 0)
    start = min(max(0, first - 3), len(bars) - 12) if crop else 0
    return float(edges[start]), float(edges[-1]), bars[start:]


def _shape(told: dict[str, Any], kinds: dict[str, str], producers: dict[str, list[str]]) -> str:
    """ "Linear 1152 → 256", "Conv2d 16 × 6×5×5", or for channels the layers that make them."""
    kind, shape = kinds.get(told["layer"], ""), [int(n) for n in told["shape"]]
    if told["name"] in producers:
        makers = producers[told["name"]]
        return f"{kind}, made by {', '.join(makers[:3])}{' …' if len(makers) > 3 else ''}" if len(makers) > 1 else kind
    if len(shape) == 2:
        return f"{kind} {shape[1]} → {shape[0]}"
    return f"{kind} {shape[0]} × {'×'.join(map(str, shape[1:]))}"


def edited(plan: Plan, pool: str, override: Override | None) -> Plan:
    """The plan with one pool's override replaced, or taken away."""
    others = {name: given for name, given in plan.overrides.items() if name != pool}
    return replace(plan, overrides=others if override is None else {**others, pool: override})
