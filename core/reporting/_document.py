"""The page itself: everything in one file, nothing fetched, no script needed to read it."""

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from core.charts.quality import is_regression
from core.charts.runs import Line, lines
from core.charts.table import FULL, RUN, Entry, columns, dense_entry, entries
from core.charts.theme import LIGHT
from core.reporting._drawing import colours, variable
from core.reporting._parts import body, heading, section, tradeoff
from core.reporting._subject import Subject

#: Nothing is loaded from anywhere, whatever a name in the page may try.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
#: Runs of a comparison whose training is drawn; of more the page would take long to make.
_CURVES = 12
#: Copies the recipe; the page reads the same without it.
_SCRIPT = """for (const button of document.querySelectorAll('.copy')) {
  button.hidden = false;
  button.onclick = () => {
    const range = document.createRange();
    range.selectNodeContents(button.nextElementSibling);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (document.execCommand('copy')) { button.textContent = 'Copied'; }
  };
}"""


def page(subjects: Sequence[Subject]) -> str:
    """The report of one run, or the comparison of several with a part for each, as one HTML document."""
    by_id = {subject.run.id: subject for subject in subjects}
    drawn = lines([s.run for s in subjects], {s.run.id: s.events for s in subjects}, LIGHT)
    if len(drawn) == 1:
        only = by_id[drawn[0].run.id]
        content = f"<article>{heading(only, drawn[0], 1)}{''.join(body(only, drawn[0], alone=True))}</article>"
        return _document(f"Report: {only.model}", content)
    parts = "".join(
        f'<article class="part" id="run-{place}">{heading(by_id[line.run.id], line, 2)}'
        f"{''.join(body(by_id[line.run.id], line, alone=False, curves=place <= _CURVES))}</article>"
        for place, line in enumerate(drawn, 1)
    )
    return _document("Report: a comparison", f"<article>{_comparison(drawn, by_id)}</article>{parts}")


def _comparison(drawn: Sequence[Line], by_id: dict[str, Subject]) -> str:
    """All runs at once: the table, which is also the chart's legend, and quality against size."""
    subjects = list(by_id.values())
    models = list(dict.fromkeys(subject.model for subject in subjects))
    data = list(dict.fromkeys(subject.data for subject in subjects))
    told = [", ".join(models[:3]) + (" …" if len(models) > 3 else ""), ", ".join(data)]
    facts = "".join(f"<span>{escape(one)}</span>" for one in told)
    sizes = {"wide": (900, 400), "narrow": (330, 260)}  # one of them is shown: shrunk to a phone, words are too small
    chart = "".join(
        f'<div class="{name}">{tradeoff(drawn, chosen=None, width=width, height=height, dense=len(models) == 1)}</div>'
        for name, (width, height) in sizes.items()
    )
    return (
        f'<header><h1>{len(drawn)} runs compared</h1><p class="facts">{facts}</p></header>'
        f"{section('Side by side', _table(drawn, by_id))}{section('Quality against size', chart)}"
    )


def _table(drawn: Sequence[Line], by_id: Mapping[str, Subject]) -> str:
    """Every run below the dense network it came from; of several networks each is named."""
    regression = is_regression(*(point.measurement for line in drawn for point in line.points))
    shown = [column for column in columns(FULL, regression) if column.name != "state"]
    places = {line.run.id: place for place, line in enumerate(drawn, 1)}
    models = dict.fromkeys(by_id[line.run.id].model for line in drawn)
    rows = ""
    for model in models:
        own = [line for line in drawn if by_id[line.run.id].model == model]
        dense = dense_entry(own, LIGHT.ink)
        named = model if len(models) > 1 else ""
        for entry in [*([dense] if dense else []), *reversed(entries(own))]:
            cells = (_cell(entry, column.name, column.numeric, places, named) for column in shown)
            rows += f"<tr>{''.join(cells)}</tr>"
    head = "".join(f"<th{' class=number' if column.numeric else ''}>{escape(column.title)}</th>" for column in shown)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(entry: Entry, name: str, numeric: bool, places: Mapping[str, int], model: str) -> str:
    if name == RUN.name:
        told = f'<i class="swatch" style="background:{variable(entry.colour)}"></i>{escape(entry.title)}'
        told = f'<a href="#run-{places[entry.id]}">{told}</a>' if entry.id in places else told
        return f"<th>{told}{f'<small>{escape(model)}</small>' if model else ''}</th>"
    cell = entry.cells.get(name)
    text = escape(cell.text) if cell is not None else ""
    return f"<td{' class=number' if numeric else ' class=words'}>{text}</td>"


def _document(title: str, content: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{colours()}\n{_rules()}</style></head>"
        f'<body><main><div class="brand"><i></i>Topiary<span>report</span></div>{content}'
        "<footer>Made by Topiary. Every figure was measured; estimates say so.</footer>"
        f"</main><script>{_SCRIPT}</script></body></html>\n"
    )


@cache
def _rules() -> str:
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")
