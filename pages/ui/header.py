"""The strip above every page: which model, which data, what it is worth now."""

from html import escape

import streamlit as st

from core.errors import PruneError
from core.plan import Plan
from pages.ui.numbers import count, percent
from pages.ui.services import dense, description, framework_title, model_file
from pages.ui.state import AppState


class Header:
    """Drawn at once with what is known; :meth:`fill` adds what the lab has to be asked for."""

    def __init__(self, state: AppState) -> None:
        self._slot = st.empty()
        self._state = state
        self._draw({})

    def fill(self) -> None:
        """Dense accuracy and parameters, asked once per model and data."""
        plan = self._state.plan
        if plan is None:
            return
        facts: dict[str, str] = {}
        try:
            facts["dense"] = percent(dense(plan.model, plan.output, plan.data.name, plan.data.scaling)["accuracy"], 2)
            facts["parameters"] = count(description(plan.model, plan.output)["parameters"])
        except PruneError:
            # The page itself says what is wrong; the strip only leaves out what it cannot know.
            pass
        self._draw(facts)

    def _draw(self, facts: dict[str, str]) -> None:
        plan = self._state.plan
        cells = ['<span class="model">no model yet</span>'] if plan is None else self._cells(plan, facts)
        self._slot.html(f'<div class="strip">{"".join(cells)}</div>')

    def _cells(self, plan: Plan, facts: dict[str, str]) -> list[str]:
        try:
            file = model_file(plan.model)
        except PruneError as err:
            return [f'<span class="model">{escape(str(err))}</span>']
        cells = [f'<span class="model">{escape(file.title)} · {framework_title(file.framework)}</span>']
        cells.append(f"<span>data <b>{escape(plan.data.name)}</b></span>")
        cells += [f"<span>{name} <b>{escape(value)}</b></span>" for name, value in facts.items()]
        if self._state.trail:
            sparsity, accuracy = self._state.trail[-1]
            cells.append(f"<span>now <b>{percent(accuracy, 1)}</b> at <b>{percent(sparsity, 1)}</b> sparsity</span>")
        return cells
