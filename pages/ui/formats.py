"""The model in other formats: a card each, made and proved in the background when somebody asks."""

import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import streamlit as st

from core import paths
from core.charts.making import progress_line, share
from core.charts.words import size
from core.errors import PruneError
from core.export_queue.desk import Desk
from core.export_queue.work import CHECK, State, Work
from core.exports import Made, Refused, made, made_path, packed, stem
from core.formats import FORMATS, Format
from core.jobs.job import Run
from core.references import resolve
from pages.ui.format_card import worth
from pages.ui.services import home


def formats(run: Run, model_file: Path) -> None:
    """The cards, two in a row where there is room; drawn again by themselves while something is made."""
    desk = Desk(paths.run_folder(home(), run.id))
    framework = resolve(str(model_file), home()).framework
    named = [one for one in FORMATS.values() if one.name != CHECK]
    others = sorted(named, key=lambda one: bool(one.unsuited(framework)))
    going = bool(_going(desk.look()))

    def body() -> None:
        works = desk.look()
        if bool(_going(works)) != going:
            st.rerun()  # begins to look every second, or leaves off
        _section(desk, works, others, framework, (model_file, stem(run)))

    st.fragment(body, run_every=1.0 if going else None)()


def _section(
    desk: Desk, works: Mapping[str, Work], others: Sequence[Format], framework: str, source: tuple[Path, str]
) -> None:
    found = {one.name: made(desk.run_folder, source[0], one.name) for one in others}
    suited = [one for one in others if not one.unsuited(framework)]
    left = [one.name for one in suited if found[one.name] is None and one.name not in _going(works)]
    st.html(
        '<h2 class="section">Other formats</h2><p class="soft">Each is written, opened again in a plain Python '
        "and compared on test samples; the batch stays free. You may close this page meanwhile.</p>"
    )
    with st.container(horizontal=True, key="all_formats"):
        if len(left) > 1 and st.button(f"Make all {len(left)}", key="make_all", icon=":material/output:"):
            attempt(lambda: desk.ask(left, *source))
        if len(_going(works)) > 1 and st.button("Stop all", key="stop_all", icon=":material/stop:"):
            attempt(lambda: desk.stop(_going(works)))
    with st.container(key="formats"):
        for one in others:
            with st.container(border=True, key=f"format_{one.name}"):
                _card(desk, works, one, found[one.name], one.unsuited(framework), source)


def _card(
    desk: Desk,
    works: Mapping[str, Work],
    form: Format,
    found: Made | Refused | None,
    unsuited: str,
    source: tuple[Path, str],
) -> None:
    """One format: its button while nobody has asked, how far it is, then what came of it."""
    refused = found.refused if isinstance(found, Refused) else unsuited
    st.html(f"<h3>{escape(form.title)}</h3><p>{escape(form.about)}</p>{worth(found, refused)}")
    if unsuited:
        return
    work = works.get(form.name)
    if work is not None and work.state is State.FAILED:
        st.html(f'<p class="failed">{escape(work.reason)}</p>')
    with st.container(horizontal=True, vertical_alignment="center", key=f"does_{form.name}"):
        if isinstance(found, Made):
            _taken_away(found, desk.run_folder)
        if work is not None and work.state.under_way:
            going(desk, works, work)
        elif _asked(form, found, work):
            attempt(lambda: desk.ask([form.name], *source))


def going(desk: Desk, works: Mapping[str, Work], work: Work) -> None:
    """How far it is, and a button that stops it."""
    now, waiting = time.time(), [one.name for one in works.values() if one.state.under_way]
    st.progress(share(work, now), text=progress_line(work, waiting.index(work.name), now))
    if st.button("Stop", key=f"stop_{work.name}", icon=":material/stop:", type="tertiary"):
        attempt(lambda: desk.stop([work.name]))


def attempt(act: Callable[[], None]) -> None:
    """Do what a button says and draw the page anew; a refusal is said in one sentence."""
    try:
        act()
    except PruneError as err:
        st.error(str(err))
    else:
        st.rerun()


def _asked(form: Format, found: Made | Refused | None, work: Work | None) -> bool:
    failed = isinstance(found, Refused) or (work is not None and work.state is State.FAILED)
    label = "Try again" if failed else "Make" if found is None else "Again"
    icon = ":material/output:" if label == "Make" else ":material/refresh:"
    kind = "secondary" if found is None else "tertiary"
    return st.button(label, key=f"make_{form.name}", icon=icon, type=kind)


def _going(works: Mapping[str, Work]) -> list[str]:
    return [work.name for work in works.values() if work.state.under_way and work.name != CHECK]


def _taken_away(found: Made, folder: Path) -> None:
    path = made_path(folder, found)
    st.download_button(
        f"Download {size(found.bytes)}",
        _reader(path),
        file_name=f"{path.name}.zip" if path.is_dir() else path.name,
        key=f"download_{found.format}",
        icon=":material/download:",
        on_click="ignore",
    )
    with st.popover("Open it", icon=":material/code:"):
        st.code(found.snippet.strip(), language="python")


def _reader(path: Path) -> Callable[[], bytes]:
    """Read when it is clicked, not at each rerun."""
    return lambda: packed(path)
