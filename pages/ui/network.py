"""The picture of a network: one line per layer from input to output, the lines between in their group's colour.

Operations that only pass channels on (activations, pooling, flatten) stand behind the layer they follow.
A line that jumps over others is a skip connection; lines of one colour carry channels that must go together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from core.charts.theme import DARK, LIGHT
from core.charts.words import shape_text

_HEIGHT, _LANE, _DOT = 40, 14, 4
#: Operations that are drawn behind the line they follow.
_PASSES = frozenset(
    {"elementwise", "pool", "reshape", "permute", "pad", "reduce", "batch_norm", "layer_norm", "softmax"}
)


@dataclass
class Line:
    """One line of the picture."""

    node: Mapping[str, Any]
    inputs: list[int]
    group: str
    after: list[str] = field(default_factory=list)
    shape: Sequence[int] = ()


def lines(description: Mapping[str, Any]) -> list[Line]:
    """The lines from input to output. ``inputs`` are indices of earlier lines."""
    groups = {layer["name"]: layer["group"] for layer in description["layers"]}
    readers: dict[str, int] = {}
    for node in description["nodes"]:
        for name in node["inputs"]:
            readers[name] = readers.get(name, 0) + 1
    drawn: list[Line] = []
    where: dict[str, int] = {}
    for node in description["nodes"]:
        inputs = [where[name] for name in node["inputs"] if name in where]
        last = node["inputs"][0] if node["inputs"] else ""
        follows = len(node["inputs"]) == 1 and inputs and node["op"] in (*_PASSES, "output")
        if follows and (readers[last] == 1 or not node["layer"]) and drawn[inputs[0]].node["op"] != "input":
            line = drawn[inputs[0]]
            if node["op"] != "output":
                line.after.append(node["label"])
                line.shape = node["shape"]
            where[node["name"]] = inputs[0]
            continue
        group = groups.get(node["layer"] or "", "") or ("" if node["layer"] or not inputs else drawn[inputs[0]].group)
        where[node["name"]] = len(drawn)
        drawn.append(Line(node, inputs, group, shape=node["shape"]))
    return drawn


def colours(description: Mapping[str, Any]) -> dict[str, str]:
    """Group to CSS colour, in the order of the groups; groups that cannot be cut are grey."""
    found, cuttable = {}, 0
    for group in description["groups"]:
        if group["cuttable"]:
            place = cuttable % len(LIGHT.series)
            found[group["name"]] = f"light-dark({LIGHT.series[place]}, {DARK.series[place]})"
            cuttable += 1
        else:
            found[group["name"]] = "var(--control)"
    return found


def picture(description: Mapping[str, Any]) -> str:
    """The whole network as HTML and SVG."""
    drawn, palette = lines(description), colours(description)
    kinds = {layer["name"]: layer for layer in description["layers"]}
    lanes, paths = _paths(drawn, palette)
    left = _LANE * (lanes + 1)
    rows = "".join(_row(line, kinds, palette, left) for line in drawn)
    svg = f'<svg width="{left}" height="{_HEIGHT * len(drawn)}" aria-hidden="true">{paths}</svg>'
    return f'<div class="network" role="img" aria-label="The network, from input to output">{svg}{rows}</div>'


def _row(line: Line, kinds: Mapping[str, Any], palette: Mapping[str, str], left: int) -> str:
    node, layer = line.node, kinds.get(line.node["layer"] or "")
    after = f'<span class="after">{escape(" · ".join(line.after))}</span>' if line.after else ""
    shape = f'<span class="shape">{escape(shape_text(line.shape))}</span>'
    if layer is None:
        body = f'<span class="box plain">{escape(str(node["label"]))}</span>'
    else:
        colour = palette.get(line.group, "var(--line)")
        kind = f'<span class="kind">{escape(layer["class_name"])}</span>'
        title = escape(f"Group {line.group}" if line.group else "Its outputs stay: they are the network's answer.")
        body = f'<span class="box" style="--group:{colour}" title="{title}"><b>{escape(layer["name"])}</b>{kind}</span>'
    return f'<div class="node" style="padding-left:{left}px">{body}{after}{shape}</div>'


def _paths(drawn: Sequence[Line], palette: Mapping[str, str]) -> tuple[int, str]:
    """Straight lines between neighbours, arcs in lanes of their own for what jumps; lanes and the SVG."""
    ends: list[int] = []  # by lane: the line at which it is free again
    parts = []
    jumps = sorted((j, i) for i, line in enumerate(drawn) for j in line.inputs if i - j > 1)
    lane_of = {}
    for start, end in jumps:
        lane = next((n for n, free in enumerate(ends) if free <= start), len(ends))
        ends[lane : lane + 1] = [end]
        lane_of[start, end] = lane
    x = _LANE * (len(ends) + 0.5)
    for end, line in enumerate(drawn):
        for start in line.inputs:
            top, bottom = _HEIGHT * (start + 0.5), _HEIGHT * (end + 0.5)
            colour = palette.get(drawn[start].group, "var(--control)")
            if end - start == 1:
                way = f"M{x} {top}V{bottom}"
            else:
                side, bend = x - _LANE * (lane_of[start, end] + 1), 12
                way = (
                    f"M{x} {top}C{side} {top} {side} {top} {side} {top + bend}"
                    f"V{bottom - bend}C{side} {bottom} {side} {bottom} {x} {bottom}"
                )
            parts.append(f'<path d="{way}" style="stroke:{colour}"/>')
        colour = palette.get(line.group, "var(--control)")
        parts.append(f'<circle cx="{x}" cy="{_HEIGHT * (end + 0.5)}" r="{_DOT}" style="fill:{colour}"/>')
    return len(ends), "".join(parts)
