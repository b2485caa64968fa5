"""The strip above every page: which model, which data, what it is worth now."""

from contextlib import suppress
from html import escape

import streamlit as st

from core.charts.quality import QUALITIES, is_regression, main_quality
from core.charts.words import count, percent
from core.errors import PruneError
from core.measurement import Measurement
from core.plan import Plan
from pages.ui.services import data_title, dense, description, framework_title, model_file
from pages.ui.state import AppState


class Header:
    """Drawn at once with what is known; :meth:`fill` adds what only the lab can tell, and remembers it."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._slot = st.html(self._strip())

    def fill(self) -> None:
        """Ask for dense quality and parameters, once per model and data; then draw again with the newest figures."""
        plan = self._state.plan
        if plan is not None and "output" not in self._state.facts(plan):
            # The page itself says what is wrong; the strip only leaves out what it cannot know.
            with suppress(PruneError):
                found = Measurement.from_dict(dense(plan.model, plan.output, plan.data.name, plan.data.scaling))
                known = description(plan.model, plan.output)
                self._state.learn(
                    plan,
                    **{name: fact for name, fact in self._state.facts(plan).items() if name == "costs"},
                    dense=main_quality(found).of(found, 2 if found.r2 is None else 3),
                    parameters=known["parameters"],
                    output="regression" if is_regression(found) else known["output"],
                    normalised=any(node["op"] == "batch_norm" for node in known["nodes"]),
                )
        self._slot.html(self._strip())

    def _strip(self) -> str:
        plan = self._state.plan
        cells = ['<span class="model">no model yet</span>'] if plan is None else self._cells(plan)
        return f'<div class="strip">{"".join(cells)}</div>'

    def _cells(self, plan: Plan) -> list[str]:
        try:
            file = model_file(plan.model)
        except PruneError as err:
            return [f'<span class="model">{escape(str(err))}</span>']
        cells = [f'<span class="model">{escape(file.title)} · {framework_title(file.framework)}</span>']
        cells.append(f"<span>data <b>{escape(data_title(self._state.workspace, plan.data.name))}</b></span>")
        facts = self._state.facts(plan)
        if "output" in facts:
            cells.append(f"<span>dense <b>{escape(str(facts['dense']))}</b> on test</span>")
            cells.append(f"<span>parameters <b>{count(facts['parameters'])}</b></span>")
        reached = self._state.achieved(plan)
        if self._state.trail and reached is not None and abs(self._state.trail[-1][0] - reached.sparsity) < 1e-4:
            sparsity, accuracy, _ = self._state.trail[-1]
            text = QUALITIES["r2" if facts.get("output") == "regression" else "accuracy"].text(accuracy)
            cells.append(f"<span>now <b>{text}</b> on validation at <b>{percent(sparsity, 1)}</b> sparsity</span>")
        return cells
