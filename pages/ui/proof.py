"""The loading snippet of an exported file, run in a clean process, and what came of it."""

import streamlit as st

from core import paths
from core.artefacts_check import Check, checked
from core.charts.words import count, number, percent
from core.export_queue.desk import Desk
from core.export_queue.work import CHECK, State
from core.exports import Export, again
from core.jobs.job import Run
from pages.ui.formats import attempt, going
from pages.ui.services import home


def proof(run: Run, exported: Export) -> None:
    """Snippet and verdict; a file that does not open says so here, not on the person's desk.

    It is opened in the background, once, as soon as somebody looks at this page.
    """
    st.markdown("**Open it without this app**")
    folder = paths.run_folder(home(), run.id)
    found, desk = checked(folder, exported.path, exported.file_name), Desk(folder)
    if found is None:
        if CHECK not in desk.look():
            desk.ask([CHECK], exported.path, exported.file_name)
        waits = desk.look().get(CHECK)
        every = 1.0 if waits is None or waits.state.under_way else None
        st.fragment(_body, run_every=every)(desk, exported, every is not None)
    else:
        _verdict(found)
    st.caption("`x` is a numpy batch as the network takes it. The same pruning again, without a browser:")
    st.code(again(run), language="bash")


def _body(desk: Desk, exported: Export, looks: bool) -> None:
    """How far it is; else why it is not, and a button."""
    works = desk.look()
    work = works.get(CHECK)
    if work is None or work.state.under_way != looks:
        st.rerun()
    st.markdown(f"Opening {exported.file_name} in a clean process and comparing its outputs, once.")
    if work.state.under_way:
        with st.container(horizontal=True, vertical_alignment="center"):
            going(desk, works, work)
        return
    if work.state is State.FAILED:
        st.error(work.reason)
    if st.button("Try again" if work.state is State.FAILED else "Open and compare", key="make_native"):
        attempt(lambda: desk.ask([CHECK], exported.path, exported.file_name))


def _verdict(found: Check) -> None:
    st.code(found.snippet.strip(), language="python")
    on = f"{count(found.samples)} of {count(found.of_samples)} test samples"
    worth = f"accuracy there {percent(found.accuracy, 2)}" if found.r2 is None else f"R² there {number(found.r2)}"
    verdict = (
        f"This was run on the exported file in a clean process: on {on} the largest difference in outputs is "
        f"**{found.difference:.2g}** (outputs reach {found.largest:.3g}); {worth}. "
        f"It took {found.seconds:.0f} s."
    )
    (st.success if found.same else st.error)(verdict)
