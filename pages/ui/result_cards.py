"""Where the cards of the result stand: the last ones until the new ones are there."""

from collections.abc import Callable

import streamlit as st

from pages.ui.result import WAITING, Cards
from pages.ui.shrinking import measuring
from pages.ui.state import AppState


def drawn(state: AppState) -> Callable[[Cards], None]:
    """Draw what was there last; what is returned replaces it."""
    first = st.empty()
    with st.container(key="shrinks"):
        second = st.empty()
        measuring(state)
    places = (first, second, st.empty())

    def replace(cards: Cards) -> None:
        state.cards = cards
        for place, html in zip(places, cards, strict=True):
            if html:
                place.html(html)
            else:
                place.empty()

    replace(state.cards if any(state.cards or ()) else WAITING)
    return replace
