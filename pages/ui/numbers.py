"""Number boxes for settings that registries name: one line each says how a setting is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.plan import Plan
from pages.ui.settings import bound
from pages.ui.state import AppState


@dataclass(frozen=True)
class Number:
    """One box. Whole numbers have whole bounds; ``percent`` shows a share in [0, 1] times 100."""

    title: str
    low: float
    high: float
    help: str = ""
    step: float | None = None
    format: str | None = None
    percent: bool = False

    def draw(self, place: Any, state: AppState, key: str, value: float, change: Callable[[Plan, Any], Plan]) -> None:
        """The box, in a column or container."""
        scale = 100.0 if self.percent else 1

        def edit(plan: Plan, given: float) -> Plan:
            return change(plan, given / 100 if self.percent else given)

        place.number_input(
            self.title,
            self.low,
            self.high,
            step=self.step,
            format=self.format,
            help=self.help or None,
            **bound(state, key, round(value * scale, 6) if self.percent else value, edit),
        )


def numbers(
    state: AppState,
    fields: Mapping[str, Number],
    wanted: tuple[str, ...],
    values: Any,
    change: Callable[[Plan, str, Any], Plan],
) -> None:
    """The wanted ones of ``fields`` in two columns, in their own order."""
    places: list[Any] = []
    for name, field in fields.items():
        if name in wanted:
            places = places or list(st.columns(2))
            field.draw(places.pop(0), state, name, getattr(values, name), lambda p, v, n=name: change(p, n, v))
