"""Model: choose a network and its data."""

from pages.ui.page import page

with page("Model", "Choose a network and its data."):
    pass
