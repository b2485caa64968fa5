"""What came after pruning: steps of compression as a waterfall, and files for other runtimes with their proof."""

from collections.abc import Mapping
from html import escape
from typing import Any

from core.charts.quality import QUALITIES, main_quality
from core.charts.waterfall import remarks, waterfall_rows
from core.charts.words import UNKNOWN, count, size
from core.formats import FORMATS
from core.reporting._subject import Subject


def waterfall(subject: Subject) -> str:
    """Bytes after each step, teal what is left and amber what the step took; "" for a run that was only pruned."""
    if len(subject.stages) < 2:
        return ""
    rows = waterfall_rows(subject.stages, main_quality(subject.run.after, subject.run.before))
    whole = max(row["bytes"] for row in rows) or 1
    bars = "".join(
        f"<div class=bar><span>{escape(str(row['stage']))}</span><i>"
        f'<b class=kept style="width:{100 * row["bytes"] / whole:.2f}%"></b>'
        f'<b class=pruned style="width:{100 * (row["before"] - row["bytes"]) / whole:.2f}%"></b></i>'
        f"<em>{escape(str(row['figures']))}</em></div>"
        for row in rows
    )
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in remarks(subject.stages))
    hint = "Bytes of the one file that holds all weights, as written; quality is on the test split."
    return (
        f'<section class="card"><div class="bars steps">{bars}</div><p class="hint">{hint}</p></section>'
        f"{f'<ul class=hint>{said}</ul>' if said else ''}"
    )


def exported(subject: Subject) -> str:
    """A row per file that was opened again in a clean process; "" where nobody asked for one."""
    rows = "".join(_export(told) for told in subject.exported if "difference" in told)
    if not rows:
        return ""
    columns = ("size", "largest difference", "quality there", "zeros")
    head = "<th>file</th>" + "".join(f"<th class=number>{name}</th>" for name in columns)
    said = "Each file was opened in a clean process without this app, and its outputs compared on the test split."
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f'<p class="hint">{said}</p>'
    )


def _export(told: Mapping[str, Any]) -> str:
    known = FORMATS.get(str(told.get("format", "")))
    name, file = (known.title if known is not None else ""), str(told.get("file_name", ""))
    r2 = told.get("quality") == "r2" or told.get("accuracy") is None
    value = told.get("accuracy") if told.get("accuracy") is not None else told.get("r2")
    cells = (
        size(told.get("bytes")),
        f"{float(told['difference']):.2g}",
        QUALITIES["r2" if r2 else "accuracy"].text(value, 4 if r2 else 2),
        UNKNOWN if told.get("zeros_found") is None else f"{count(told['zeros_found'])} of {count(told.get('zeros'))}",
    )
    small = f"<small>{escape(file)}</small>" if name else escape(file)
    return (
        f"<tr><th>{escape(name)}{small}</th>" + "".join(f"<td class=number>{escape(c)}</td>" for c in cells) + "</tr>"
    )
