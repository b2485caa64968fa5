"""What this app is for and what comes next, told while there is no model yet."""

import streamlit as st

_STEPS = (
    ("Inspect", "See what every weight is worth."),
    ("Prune", "Drag a threshold; accuracy and size answer at once."),
    ("Train", "Win back in the background what pruning cost."),
    ("Compare", "Look at every run against its size."),
    ("Export", "Take the smaller network away: it opens without this app."),
)


def first_steps() -> None:
    """The pages in the order of the work, one line each."""
    lines = "".join(f"<li><b>{name}</b> {words}</li>" for name, words in _STEPS)
    st.html(
        '<section class="card first-steps"><h3>What then</h3>'
        "<p>Topiary makes trained networks smaller and shows what that costs. "
        f"New here? Take <b>LeNet-5 on digits</b>.</p><ol>{lines}</ol></section>"
    )
