"""The loading snippet of an exported file, run in a clean process, and what came of it."""

import streamlit as st

from core import paths
from core.artefacts_check import check, checked
from core.charts.words import count, number, percent
from core.errors import PruneError
from core.exports import Export, again
from core.jobs.job import Run
from pages.ui.services import home


def proof(run: Run, exported: Export) -> None:
    """Snippet and verdict; a file that does not open says so here, not on the person's desk."""
    st.markdown("**Open it without this app**")
    folder = paths.run_folder(home(), run.id)
    found = checked(folder, exported.path, exported.file_name)
    if found is None:
        doing = f"Opening {exported.file_name} in a clean process and comparing its outputs, once: 10 to 20 seconds …"
        try:
            with st.spinner(doing, show_time=True):
                found = check(folder, exported.path, exported.file_name)
        except PruneError as err:
            st.error(str(err))
            return
    st.code(found.snippet.strip(), language="python")
    on = f"{count(found.samples)} of {count(found.of_samples)} test samples"
    worth = f"accuracy there {percent(found.accuracy, 2)}" if found.r2 is None else f"R² there {number(found.r2)}"
    verdict = (
        f"This was run on the exported file in a clean process: on {on} the largest difference in outputs is "
        f"**{found.difference:.2g}** (outputs reach {found.largest:.3g}); {worth}. "
        f"It took {found.seconds:.0f} s."
    )
    (st.success if found.same else st.error)(verdict)
    st.caption("`x` is a numpy batch as the network takes it. The same pruning again, without a browser:")
    st.code(again(run), language="bash")
