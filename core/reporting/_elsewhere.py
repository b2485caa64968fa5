"""What came after pruning: steps of compression as a waterfall, and files for other runtimes with their proof."""

from collections.abc import Mapping
from html import escape
from typing import Any

from core.charts.words import UNKNOWN, percent, size
from core.reporting._facts import bar_rows
from core.reporting._subject import Subject


def waterfall(subject: Subject) -> str:
    """Bytes after each step, from the dense file down; "" for a run that was only pruned."""
    stages = [stage for stage in subject.stages if stage.get("bytes")]
    if len(stages) < 2:
        return ""
    first = stages[0]["bytes"]
    rows = [
        (str(stage.get("title") or stage.get("name")), f"{100 * stage['bytes'] / first:.2f}%", _stage(stage, first))
        for stage in stages
    ]
    last = stages[-1]["bytes"]
    said = f"{size(first)} became {size(last)}: {first / last:.1f} times smaller, counted on the files as written."
    return f'<section class="card">{bar_rows(rows)}<p class="hint">{escape(said)}</p></section>'


def _stage(stage: Mapping[str, Any], first: float) -> str:
    """``12.4 kB · 10.2 × smaller · 97.5 %``."""
    told = [size(int(stage["bytes"]))]
    if stage["bytes"] < first:
        told.append(f"{first / stage['bytes']:.1f} ×")
    if (quality := stage.get("accuracy", stage.get("r2"))) is not None:
        told.append(percent(quality, 2) if stage.get("accuracy") is not None else f"R² {quality:.3f}")
    return " · ".join(told)


def exported(subject: Subject) -> str:
    """A row per file that was opened again in a clean process; "" where nobody asked for one."""
    rows = "".join(_export(told) for told in subject.exported)
    if not rows:
        return ""
    head = (
        "<th>file</th><th class=number>size</th><th class=number>largest difference</th><th class=number>quality</th>"
    )
    said = "Each file was opened in a clean process without this app, and its outputs compared on the test split."
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="hint">{said}</p>'
    )


def _export(told: Mapping[str, Any]) -> str:
    name = str(told.get("file_name") or told.get("title") or told.get("name"))
    difference = told.get("difference")
    accuracy, r2 = told.get("accuracy"), told.get("r2")
    quality = percent(accuracy, 2) if accuracy is not None else UNKNOWN if r2 is None else f"R² {r2:.3f}"
    given = told.get("bytes")
    return (
        f'<tr><th>{escape(name)}</th><td class="number">{UNKNOWN if given is None else size(int(given))}</td>'
        f'<td class="number">{UNKNOWN if difference is None else f"{difference:.2g}"}</td>'
        f'<td class="number">{escape(quality)}</td></tr>'
    )
