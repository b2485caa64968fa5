"""Sizes and costs before and after, as bars."""

from html import escape

import streamlit as st

from core.charts.shrink import bars, quality_line
from core.jobs.job import Run


def shrunk(run: Run) -> None:
    """One card, in the look of the result on *Prune*."""
    if run.before is None or run.after is None:
        return
    rows = "".join(
        f'<div class="bar"><span>{escape(bar.name)}</span><i><b class="kept" style="width:{bar.width}"></b></i>'
        f"<em>{escape(bar.text)}</em></div>"
        for bar in bars(run.before, run.after)
    )
    hint = escape(quality_line(run.before, run.after))
    st.html(f'<section class="card"><h3>What is left</h3>{rows}<p class="hint">{hint}</p></section>')
