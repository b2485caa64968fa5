"""Sizes and costs before and after a run, in the rows that *Prune* promised them in."""

from html import escape

import streamlit as st

from core.charts.shrink import quality_line
from core.charts.shrinking import blocks
from core.charts.waterfall import elsewhere
from core.charts.words import count
from core.jobs.job import Run
from pages.ui.runs import compressing
from pages.ui.shrink_card import shrink_card


def shrunk(run: Run) -> None:
    """One card, in the look of the result on *Prune*."""
    if run.before is None or run.after is None:
        return
    cut = run.after.parameters < run.before.parameters
    left = f"{count(run.after.nonzero)} of {count(run.before.nonzero)} parameters"
    other = elsewhere(compressing(run))
    whose = "" if other is None else f"The model file (what computes in 8 bits is the {other['file']} file)"
    rows = blocks(run.after, run.before, cut=cut, done=True)
    st.html(
        shrink_card(f"What is left <span>· {left}</span>", rows, escape(quality_line(run.before, run.after, whose)))
    )
