"""Charts as SVG that stands in a page: the specifications of the pages, their colours as CSS variables."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from html import escape
from threading import Lock

from core.charts.specification import Row, Spec
from core.charts.theme import DARK, LIGHT, Palette

#: Measured with a face that most machines have in like widths; the page's own face draws.
_FACE = "Liberation Sans"
_COLOUR = re.compile(r'="(#[0-9a-f]{6})"')
_FAMILY = re.compile(r' font-family="[^"]*"')
_NAMED = re.compile(r'(\bid="|\burl\(#|href="#)')
_SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)" viewBox')
_one_at_a_time = Lock()


def figure(rows: Sequence[Row], spec: Spec, *, width: int, height: int, words: str, caption: str = "") -> str:
    """A chart with its caption; "" without rows.

    Args:
        rows: As the page sends them.
        spec: As the page sends it, for the light mode.
        width: Of the plot, pixels; the drawing shrinks with the page.
        height: Of the plot, pixels.
        words: What is to be seen, for those who cannot see it.
        caption: Under the chart, plain text.
    """
    if not rows:
        return ""
    drawn = _svg(json.dumps({**spec, "data": {"values": list(rows)}}), width, height)
    under = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure role="img" aria-label="{escape(words)}">{drawn}{under}</figure>'


@lru_cache(maxsize=64)
def _svg(filled: str, width: int, height: int) -> str:
    import vl_convert  # 90 MB: only where somebody wants a report

    spec = json.loads(filled)
    spec["config"] = {**spec["config"], "font": _FACE}
    with _one_at_a_time:
        drawn = str(vl_convert.vegalite_to_svg({**spec, "width": width, "height": height}))
    mark = hashlib.sha256(drawn.encode()).hexdigest()[:8]  # drawings of one page must not share names
    drawn = _NAMED.sub(rf"\g<1>{mark}-", drawn)
    drawn = _COLOUR.sub(lambda found: f'="{variable(found[1])}"', _FAMILY.sub("", drawn))
    return _SIZE.sub(r'style="max-width:\1px" viewBox', drawn, count=1)


@lru_cache
def _variables() -> dict[str, str]:
    """``#1c7f6b`` -> ``var(--kept)``, for every colour of the light palette."""
    return {value: f"var(--{name})" for name, value in reversed(list(_named(LIGHT).items()))}


def variable(colour: str) -> str:
    """The CSS variable that holds a colour of the light palette; any other colour as it is."""
    return _variables().get(colour, colour)


def _named(palette: Palette) -> dict[str, str]:
    """Every colour by the name of its variable."""
    single = {name: value for name, value in asdict(palette).items() if str(value).startswith("#")}
    return single | {f"series-{place}": value for place, value in enumerate(palette.series)}


def colours() -> str:
    """The variables of both modes; paper is always light."""

    def block(palette: Palette) -> str:
        return ":root{" + "".join(f"--{name}:{value};" for name, value in _named(palette).items()) + "}"

    return f"{block(LIGHT)}\n@media screen and (prefers-color-scheme: dark){{{block(DARK)}}}"
