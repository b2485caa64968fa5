"""The model in other formats: a card each, made and proved when somebody asks."""

from collections.abc import Callable
from html import escape
from pathlib import Path

import streamlit as st

from core import paths
from core.charts.words import UNKNOWN, count, duration, number, percent, points, size
from core.errors import PruneError
from core.exports import Made, Refused, made, made_path, make, packed, stem
from core.formats import FORMATS, Format
from core.jobs.job import Run
from core.references import resolve
from pages.ui.services import home


def formats(run: Run, model_file: Path) -> None:
    """The cards, two in a row where there is room; the framework's own file is the main job's."""
    st.html(
        '<h2 class="section">Other formats</h2><p class="soft">Each is written, opened again in a plain Python '
        "and compared on test samples; the batch stays free.</p>"
    )
    framework = resolve(str(model_file), home()).framework
    named = [one for one in FORMATS.values() if one.name != "native"]
    others = sorted(named, key=lambda one: bool(one.unsuited(framework)))
    with st.container(key="formats"):
        for one in others:
            with st.container(border=True, key=f"format_{one.name}"):
                _card(run, model_file, one.name, one.unsuited(framework))


@st.fragment
def _card(run: Run, model_file: Path, name: str, unsuited: str) -> None:
    """One format: its button while nobody has asked, then what came of it."""
    form, folder = FORMATS[name], paths.run_folder(home(), run.id)
    found = made(folder, model_file, name)
    refused = found.refused if isinstance(found, Refused) else unsuited
    st.html(f"<h3>{escape(form.title)}</h3><p>{escape(form.about)}</p>{_worth(found, refused)}")
    if refused:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if isinstance(found, Made):
            _download(found, folder)
            with st.popover("Open it", icon=":material/code:"):
                st.code(found.snippet.strip(), language="python")
        again = isinstance(found, Made)
        asked = st.button(
            "Again" if again else "Make",
            key=f"make_{name}",
            icon=":material/refresh:" if again else ":material/output:",
            type="tertiary" if again else "secondary",
        )
    if asked:
        _make(run, model_file, form, folder)


def _make(run: Run, model_file: Path, form: Format, folder: Path) -> None:
    try:
        with st.spinner(f"Writing {form.title}, opening it in a clean process …", show_time=True):
            make(folder, model_file, form.name, stem(run))
    except PruneError as err:
        st.error(str(err))
    else:
        st.rerun()


def _download(found: Made, folder: Path) -> None:
    path = made_path(folder, found)
    st.download_button(
        f"Download {size(found.bytes)}",
        _reader(path),
        file_name=f"{path.name}.zip" if path.is_dir() else path.name,
        key=f"download_{found.format}",
        icon=":material/download:",
        on_click="ignore",
    )


def _reader(path: Path) -> Callable[[], bytes]:
    """Read when it is clicked, not at each rerun."""
    return lambda: packed(path)


def _worth(found: Made | Refused | None, refused: str) -> str:
    """What was measured, or why there is nothing to measure."""
    if refused:
        return f'<p class="none">{escape(refused)}</p>'
    if not isinstance(found, Made):
        return ""
    whole = "R²" if found.quality == "r2" else "accuracy"
    worth = number(found.accuracy) if found.quality == "r2" else percent(found.accuracy, 2)
    if FORMATS[found.format].quantised and found.quality == "accuracy" and found.accuracy is not None:
        worth += f" ({points(found.accuracy - (found.accuracy_before or 0.0), 2)})"
    cells = (
        ("largest difference", f"{found.difference:.1e}" if found.difference else "0"),
        (whole, worth),
        ("zeros in the file", _zeros(found)),
        ("written in", duration(found.seconds) if found.seconds >= 1 else "under 1 s"),
    )
    facts = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in cells)
    like = "accuracy within a point" if FORMATS[found.format].quantised else "the same"
    verdict = like if found.same else "not the same"
    mark = f'<em class="{"same" if found.same else "other"}">{verdict} on {count(found.samples)} samples</em>'
    notes = f'<p class="soft">{escape(" ".join(found.notes))}</p>' if found.notes else ""
    return f'<div class="facts">{facts}</div>{mark}{notes}'


def _zeros(found: Made) -> str:
    if found.zeros_found is None:
        return UNKNOWN
    return "all kept" if found.zeros_found >= found.zeros else f"{count(found.zeros_found)} of {count(found.zeros)}"
