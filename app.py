"""Topiary in the browser: page settings and navigation, nothing else."""

from pathlib import Path

import streamlit as st

from pages.ui.shell import navigate

MARK = Path(__file__).parent / "pages" / "ui" / "mark.svg"

st.set_page_config(page_title="Topiary", page_icon=str(MARK), layout="wide", initial_sidebar_state=220)
navigate().run()
