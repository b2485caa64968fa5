"""Where the time of a prediction goes: bars of time beside bars of multiply-adds, layer by layer."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from core.charts.specification import PERCENT, Row, Spec, colours, finished, source
from core.charts.words import amount, milliseconds, percent

#: Layers drawn; what is left over is drawn as one.
MOST = 24
#: Pixels for one layer's two bars, and for axis and legend.
_STEP, _FRAME = 27, 74
TIME, WORK = "time", "multiply-adds"


def layer_time_rows(layers: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Two rows a layer, shares of the whole network, in the network's order.

    Args:
        layers: With ``name``, ``kind``, ``ms``, ``spread_ms`` and ``macs``, as :mod:`core.lab.times` gives them.
    """
    shown = _shown(layers)
    whole = {"ms": sum(one["ms"] for one in layers) or 1.0, "macs": sum(one["macs"] for one in layers) or 1}
    rows = []
    for place, one in enumerate(shown):
        told = {
            "place": place,
            "layer": one["name"],
            "kind": one["kind"],
            "took": milliseconds(one["ms"], one["spread_ms"]),
            "macs": amount(one["macs"]),
        }
        for what, name in ((TIME, "ms"), (WORK, "macs")):
            share = one[name] / whole[name]
            rows.append({**told, "what": what, "share": share, "text": percent(share)})
    return rows


def drawn(layers: Sequence[Mapping[str, Any]]) -> int:
    """How many layers :func:`layer_time_rows` draws."""
    return len(_shown(layers))


def _shown(layers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that take most of either; the others as one at the end."""
    if len(layers) <= MOST:
        return list(layers)
    whole = {name: sum(one[name] for one in layers) or 1 for name in ("ms", "macs")}
    worth = [max(one["ms"] / whole["ms"], one["macs"] / whole["macs"]) for one in layers]
    first = set(sorted(range(len(layers)), key=lambda i: -worth[i])[: MOST - 1])
    rest = [one for i, one in enumerate(layers) if i not in first]
    others = {"name": f"{len(rest)} others", "kind": "", "spread_ms": None}
    others |= {name: sum(one[name] for one in rest) for name in ("ms", "macs")}
    return [*(one for i, one in enumerate(layers) if i in first), others]


@lru_cache(maxsize=64)
def layer_time_spec(layers: int, mode: str | None) -> Spec:
    """Bars for so many layers, time in teal over multiply-adds in grey."""
    theme = colours(mode)
    colour = alt.Color("what:N", title=None, sort=None).scale(domain=[TIME, WORK], range=[theme.kept, theme.control])
    chart = (
        source()
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            y=alt.Y("layer:N", title=None, sort=alt.SortField("place")).axis(grid=False, labelLimit=150),
            yOffset=alt.YOffset("what:N", sort=[TIME, WORK]).scale(paddingInner=0.1),
            x=alt.X("share:Q", title="share of the whole network").axis(labelExpr=PERCENT, tickCount=5),
            color=colour,
            tooltip=[
                alt.Tooltip("layer:N", title="layer"),
                alt.Tooltip("kind:N", title="kind"),
                alt.Tooltip("took:N", title="time"),
                alt.Tooltip("macs:N", title="multiply-adds"),
                alt.Tooltip("text:N", title="share"),
            ],
        )
    )
    return finished(chart, theme, _STEP * max(layers, 1) + _FRAME - 30)
