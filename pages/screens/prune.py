"""Prune: drag thresholds, watch accuracy and size answer."""

from pages.ui.page import need_model, page

with page("Prune", "Drag a threshold. Everything left of it goes.") as state:
    need_model(state)
