"""The table of a network's layers."""

from collections.abc import Mapping
from html import escape
from typing import Any

from core.charts.words import amount, count, shape_text
from pages.ui.network import colours


def summary(description: Mapping[str, Any]) -> str:
    """Layers, shapes, parameters, MACs, group, and prunable or why not, as an HTML table."""
    palette = colours(description)
    reasons = {group["name"]: group["reason"] for group in description["groups"] if not group["cuttable"]}
    head = "".join(
        f"<th{' class=number' if name in ('parameters', 'MACs') else ''}>{name}</th>"
        for name in ("layer", "kind", "kernel", "parameters", "MACs", "group", "prunable")
    )
    body = "".join(_row(layer, palette, reasons) for layer in description["layers"])
    return (
        f'<div class="scroll"><table class="layers"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _row(layer: Mapping[str, Any], palette: Mapping[str, str], reasons: Mapping[str, str]) -> str:
    shapes = "<br>".join(escape(shape_text(w["shape"])) for w in layer["weights"]) or escape(shape_text(layer["shape"]))
    group = ""
    if layer["group"]:
        swatch = f'<i style="background:{palette.get(layer["group"], "var(--control)")}"></i>'
        group = f"{swatch}{escape(layer['group'])}"
    prunable = _reason(layer["reason"])
    if layer["prunable"]:
        reason = reasons.get(layer["group"], "")
        prunable = "yes" + (_reason(f"Channels are zeroed only: {reason}") if reason else "")
    macs = amount(layer["macs"]) if layer["macs"] else "–"
    return (
        f"<tr><th>{escape(layer['name'])}</th><td>{escape(layer['class_name'])}</td><td>{shapes}</td>"
        f'<td class="number">{count(layer["parameters"])}</td><td class="number">{macs}</td>'
        f'<td class="group">{group}</td><td>{prunable}</td></tr>'
    )


def _reason(text: str) -> str:
    return f'<span class="reason" title="{escape(text)}">{escape(text)}</span>'
