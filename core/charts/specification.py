"""From an Altair chart to the dictionary that a page sends: dressed by the theme, without data."""

from functools import lru_cache
from typing import Any

import altair as alt

from core.charts.theme import Palette, config, palette

Spec = dict[str, Any]
#: One row of a chart's table; every row of one chart has the same keys.
Row = dict[str, Any]

#: Labels such as ``99.5 %``, however far the axis is zoomed in.
PERCENT = "datum.value > 1.00001 || datum.value < -0.00001 ? '' : format(100 * datum.value, '.4~g') + ' %'"


@lru_cache
def colours(mode: str | None) -> Palette:
    """The palette of a mode, for the functions that build specifications."""
    return palette(mode)


def finished(chart: alt.Chart | alt.LayerChart | alt.FacetChart, theme: Palette, height: int) -> Spec:
    """The chart as a plain dictionary. Data is sent beside it, so that new rows never rebuild the view.

    Args:
        chart: Built on :func:`source`.
        theme: Colours of the mode the page is in.
        height: In pixels; the width follows the page.
    """
    spec: Spec = chart.properties(height=height).to_dict(validate=False)
    for part in (spec, *spec.get("layer", ())):
        part.pop("data", None)  # rows come beside the specification, for the whole chart
    spec.pop("datasets", None)
    spec["config"] = config(theme)
    spec["padding"] = {"left": 4, "top": 6, "right": 20, "bottom": 4}  # room for the last label of an axis
    return spec


def source() -> alt.Chart:
    """An empty chart to build on."""
    return alt.Chart(alt.NamedData("rows"))


def only(chart: alt.Chart, kind: str) -> alt.Chart:
    """The chart drawn from rows of one ``kind``."""
    return chart.transform_filter(f"datum.kind === '{kind}'")
