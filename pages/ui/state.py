"""What a page remembers: one typed object under one session key, and what of it survives a reload.

The plan being edited, the measured trail and the way charts are set live in a small file per workspace, so that
a reload or a second tab shows the same. Undo and redo live in the session.
"""

import json
import secrets
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, TypeVar, cast

import streamlit as st

from core.charts.achieved import Achieved
from core.plan import DataChoice, Plan, Preparation, Recovery, ScheduleChoice
from pages.ui.choices import Choices, Trail, load, save, stamp

_KEY = "app"
#: Where it is kept what the plan at hand comes to.
_COMES_TO = "plan.comes_to"
#: Where the figures of the strip are kept between visits.
_FACTS = "header.facts"
_DEEPEST = 100
T = TypeVar("T")


@dataclass
class AppState:
    """A person's place in the app."""

    workspace: str
    choices: Choices = field(default_factory=Choices)
    past: list[Plan] = field(default_factory=list)
    future: list[Plan] = field(default_factory=list)
    read_at: int = 0
    #: By uploader the last file that was taken in, so that a rerun does not take it in again.
    uploaded: dict[str, str] = field(default_factory=dict)
    #: The lab's last answer, so that a rerun that changes nothing asks nothing.
    answer: Any = None
    #: The cards that belong to it, as drawn last.
    cards: Any = None
    #: Questions on their way to the lab, by chart (:class:`pages.ui.waiting.Asked`).
    asked: dict[str, Any] = field(default_factory=dict)
    #: Something to be told once, at the end of the page.
    notice: str = ""
    #: The points that are picked in the chart of all runs, as drawn last.
    picks: list[dict[str, Any]] = field(default_factory=list)
    #: The page that is drawn, and by widget the page whose widget was last told its value.
    page: str = ""
    shown_on: dict[str, str] = field(default_factory=dict)
    #: Rows of layers drawn; 0 means as many as fit.
    rows_shown: int = 0
    #: Marks this session's gestures, so that those of an earlier one are not carried out twice.
    session: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def plan(self) -> Plan | None:
        """The plan being edited; None until a model was chosen."""
        return self.choices.plan

    @property
    def trail(self) -> Trail:
        """(sparsity, quality, method) of everything measured by hand, oldest first."""
        return self.choices.trail

    def open(self, model: str, data: DataChoice, output: str | None = None) -> None:
        """Choose a model and its data: a fresh plan, an empty trail. The rest of the settings stays."""
        old = self.plan
        fresh = Plan(model=model, data=data, output=output, recovery=Recovery(epochs=5))
        if old is not None:
            steps = tuple(replace(step, ranks={}) for step in old.compression)
            own: dict[str, Any] = {"overrides": {}, "sparsity": 0.0, "compression": steps}
            fresh = replace(old, model=model, data=data, output=output, **own)
        self.past, self.future, self.answer, self.cards = [], [], None, None
        self._keep(replace(self.choices, plan=fresh, trail=()))

    def edit(self, plan: Plan) -> None:
        """Replace the plan; the old one can be had back."""
        if self.plan is None or plan == self.plan:
            return
        self.past = [*self.past[-_DEEPEST:], self.plan]
        self.future = []
        self._keep(replace(self.choices, plan=plan))

    def settle(self, plan: Plan) -> None:
        """Put in what the lab found out (counts of dragged thresholds); not an edit of its own."""
        if plan != self.plan:
            self._keep(replace(self.choices, plan=plan))

    def undo(self) -> None:
        """The plan before the last edit."""
        if self.past and self.plan is not None:
            self.future.append(self.plan)
            self._keep(replace(self.choices, plan=self.past.pop()))

    def redo(self) -> None:
        """The plan that was undone last."""
        if self.future and self.plan is not None:
            self.past.append(self.plan)
            self._keep(replace(self.choices, plan=self.future.pop()))

    def measured(self, sparsity: float, quality: float, method: str) -> None:
        """Add what was measured to the trail."""
        point = (round(sparsity, 4), round(quality, 5), method)
        if not self.trail or self.trail[-1] != point:
            self._keep(replace(self.choices, trail=(*(p for p in self.trail if p != point), point)[-80:]))

    def comes_to(self, plan: Plan, sparsity: float, units: float) -> None:
        """Remember what the lab measured of a plan: the shares of weights and of its units that go."""
        self.set_view(_COMES_TO, {"of": pruning_mark(plan), "sparsity": round(sparsity, 6), "units": round(units, 6)})

    def achieved(self, plan: Plan) -> Achieved | None:
        """What exactly this plan will remove, as the last preview measured it; None when it looked at another."""
        kept: dict[str, Any] = self.view(_COMES_TO, {})
        if kept.get("of") != pruning_mark(plan):
            return None
        return Achieved(float(kept["sparsity"]), float(kept["units"]))

    def facts(self, plan: Plan) -> dict[str, Any]:
        """What the lab told of the model and its data before, {} where it was not asked yet."""
        kept: dict[str, Any] = self.view(_FACTS, {})
        return kept if kept.get("of") == _opened(plan) else {}

    def fact(self, name: str, default: T) -> T:
        """One of them for the plan at hand."""
        return cast(T, self.facts(self.plan).get(name, default) if self.plan is not None else default)

    def learn(self, plan: Plan, **facts: Any) -> None:
        """Keep what the lab told, plain JSON."""
        self.set_view(_FACTS, {**facts, "of": _opened(plan)})

    def forget_trail(self) -> None:
        """What was measured belongs to another model or other data."""
        self._keep(replace(self.choices, trail=()))

    def view(self, name: str, default: T) -> T:
        """How a chart or table was set ("compare.axis"); survives a reload."""
        return cast(T, self.choices.views.get(name, default))

    def set_view(self, name: str, value: Any) -> None:
        """Remember how a chart or table is set; the value must be plain JSON."""
        if self.choices.views.get(name) != value:
            self._keep(replace(self.choices, views={**self.choices.views, name: value}))

    def refresh(self) -> None:
        """Take over what another tab of this workspace changed."""
        written = stamp(self.workspace)
        if written != self.read_at:
            self.choices, self.read_at = load(self.workspace), written

    def _keep(self, choices: Choices) -> None:
        self.choices = choices
        self.read_at = save(self.workspace, choices)


def _opened(plan: Plan) -> str:
    return f"{plan.model} {plan.output} {plan.data.name} {plan.data.scaling}"


def pruning_mark(plan: Plan) -> str:
    """A mark of all that decides what a plan removes."""
    bare = replace(plan, schedule=ScheduleChoice(), recovery=Recovery(), preparation=Preparation())
    return sha256(json.dumps(bare.to_dict(), sort_keys=True).encode()).hexdigest()[:32]


def app_state() -> AppState:
    """This session's state. ``app.py`` has made it before any page runs."""
    return cast(AppState, st.session_state[_KEY])


def enter(workspace: str) -> AppState:
    """The state of this session in that workspace, made on the first run, refreshed on every other."""
    state = st.session_state.get(_KEY)
    if state is None or state.workspace != workspace:
        state = st.session_state[_KEY] = AppState(workspace)
    state.refresh()
    return cast(AppState, state)


def entered() -> str | None:
    """The workspace this session is in, None on its first run."""
    state = st.session_state.get(_KEY)
    return None if state is None else cast(AppState, state).workspace


def widget(key: str) -> Any:
    """The value of a widget, as callbacks need it."""
    return st.session_state.get(key)


def show(key: str, value: Any) -> None:
    """Set a widget's value before it is drawn.

    A widget of the same key on another page is another widget: Streamlit still tells the old one's value, and draws
    the new one with its first option.
    """
    state = app_state()
    elsewhere = state.shown_on.get(key) not in (None, state.page)
    if elsewhere or st.session_state.get(key) != value:
        st.session_state[key] = value
    state.shown_on[key] = state.page
