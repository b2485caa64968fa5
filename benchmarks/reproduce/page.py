"""The outcomes as one HTML page that needs nothing else: tables as text, charts as SVG."""

from html import escape
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import altair as alt
import vl_convert

from benchmarks.reproduce.carrying_out import Outcome
from benchmarks.reproduce.rows import Row

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; color: #1d2b28; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #d9e0de; text-align: right; }
td { font-variant-numeric: tabular-nums; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
svg { max-width: 100%; height: auto; } .note { color: #5c6b67; font-size: 13px; }
"""


def write(path: Path, rows: list[Row], outcomes: list[Outcome]) -> None:
    """Write the page, whatever of it is there."""
    by_key = {row.key: [one for one in outcomes if one.key == row.key] for row in rows}
    parts = ["<h1>Published figures, reproduced</h1>", f"<p class=note>{_NOTE}</p>"]
    for table, group in groupby(rows, key=lambda row: row.table):
        members = [row for row in group if by_key[row.key]]
        if members:
            parts += [f"<h2>{escape(table)}</h2>", _table(members, by_key), _chart(table, members, by_key)]
    page = "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    path.write_text(f"{page}<title>Reproduced</title><style>{_STYLE}</style>{''.join(parts)}", encoding="utf-8")


_NOTE = (
    "Mean ± standard deviation over seeds, test split, the weights of the best validation epoch. Pruned is the share "
    "of kernel weights. Learnt in: the epoch with the smallest validation loss after the last pruning step. "
    "Trainings are shorter than the papers': 30 epochs or fewer, where they take 50 to 250."
)


def _table(rows: list[Row], by_key: dict[str, list[Outcome]]) -> str:
    accuracy = rows[0].table != "SNIP's Table 1"
    unit = "accuracy %" if accuracy else "error %"
    head = ("network", "method", "pruned %", f"ours, {unit}", f"paper, {unit}", "learnt in", "runs", "s a run")
    body = []
    for row in rows:
        found = by_key[row.key]
        ours = [100 * one.accuracy if accuracy else one.error for one in found]
        paper = "–" if row.paper is None else f"{row.paper:.1f}"
        body.append(
            (
                row.network, row.method, f"{100 * mean(one.sparsity for one in found):.1f}", _spread(ours, 2), paper,
                _spread([float(one.quickest) for one in found], 1), str(len(found)),
                f"{mean(one.seconds for one in found):.0f}",
            )
        )  # fmt: skip
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
    sources = escape("; ".join(dict.fromkeys(row.source for row in rows if row.source)))
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f"<table><tr>{titles}</tr>{cells}</table><p class=note>Published: {sources}</p>"


def _spread(values: list[float], digits: int) -> str:
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


def _chart(table: str, rows: list[Row], by_key: dict[str, list[Outcome]]) -> str:
    spec = _bars(rows, by_key) if table == "SNIP's Table 1" else _curves(rows, by_key)
    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg


def _bars(rows: list[Row], by_key: dict[str, list[Outcome]]) -> dict[str, Any]:
    """Ours as bars, every seed a dot, the paper's as a tick."""
    values = [
        {
            "what": f"{row.method}, {100 * one.sparsity:.1f} %",
            "network": row.network,
            "error": one.error,
            "paper": row.paper,
        }
        for row in rows
        for one in by_key[row.key]
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(labelLimit=320))
    )
    bars = base.mark_bar(color="#1c7f6b", opacity=0.5).encode(x=alt.X("mean(error):Q", title="test error, %"))
    dots = base.mark_point(color="#1c7f6b", filled=True, size=30).encode(x="error:Q")
    ticks = base.mark_tick(color="#df8c28", thickness=3).encode(x="paper:Q")
    drawn = (bars + dots + ticks).properties(width=560).facet(alt.Facet("network:N", title=None), columns=1)
    spec: dict[str, Any] = drawn.resolve_scale(x="independent", y="independent").to_dict()
    return spec


def _curves(rows: list[Row], by_key: dict[str, list[Outcome]]) -> dict[str, Any]:
    """Validation accuracy over the epochs after the last pruning step, mean over seeds."""
    values = [
        {"method": row.method, "epoch": epoch, "accuracy": 100 * accuracy}
        for row in rows
        for one in by_key[row.key]
        for epoch, accuracy in enumerate(one.accuracies, start=1)
    ]
    line = alt.Chart(alt.Data(values=values)).mark_line(point=True)
    spec: dict[str, Any] = (
        line.encode(
            x=alt.X("epoch:Q", title="epochs", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("mean(accuracy):Q", title="validation accuracy, %", scale=alt.Scale(zero=False)),
            color=alt.Color("method:N", title=None, sort=None, legend=alt.Legend(labelLimit=320)),
        )
        .properties(width=560, height=260)
        .to_dict()
    )
    return spec
