"""The look of the pages: the chart theme's colours as CSS variables, and a few rules for Streamlit's own widgets.

Streamlit sets ``color-scheme`` on the app, so ``light-dark()`` follows the switch at once, inside components too.
"""

from dataclasses import asdict
from functools import cache
from pathlib import Path

from core.charts.theme import DARK, LIGHT


@cache
def style() -> str:
    """One ``<style>`` element for every page."""
    rules = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return f"<style>:root {{ {_variables()} }}\n{rules}</style>"


def _variables() -> str:
    light, dark = asdict(LIGHT), asdict(DARK)
    colours = {name: value for name, value in light.items() if isinstance(value, str) and value.startswith("#")}
    return " ".join(f"--{name}: light-dark({value}, {dark[name]});" for name, value in colours.items())
