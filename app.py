"""Topiary in the browser: page settings and navigation, nothing else."""

from pathlib import Path

import streamlit as st

if __name__ == "__main__":  # somebody looks at a page
    from pages.ui.shell import navigate

    MARK = Path(__file__).parent / "pages" / "ui" / "mark.svg"

    st.set_page_config(page_title="Topiary", page_icon=str(MARK), layout="wide", initial_sidebar_state=220)
    navigate().run()
else:  # the server starts
    from pages.ui.early import begun

    app = st.App(__file__, lifespan=begun)
