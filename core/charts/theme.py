"""One theme: what each colour means, light and dark, and how every chart is dressed.

Kept is teal and pruned is amber, everywhere; the pair stays apart for colour-blind eyes. Runs take their colours from
``series`` in the order they were started; controls are grey. Nothing is coloured for decoration.
"""

from dataclasses import asdict, dataclass
from typing import Any

#: Streamlit's own face first, so that charts and text are set alike; digits of equal width where the face has them.
FONT = '"Source Sans", "Source Sans 3", "Source Sans Pro", "DejaVu Sans", sans-serif'
MONO = '"Source Code Pro", "DejaVu Sans Mono", monospace'


@dataclass(frozen=True)
class Palette:
    """Colours by meaning, as ``#rrggbb``."""

    mode: str
    kept: str
    pruned: str
    background: str
    panel: str
    ink: str
    soft: str
    line: str
    control: str
    good: str
    bad: str
    negative: str
    positive: str
    series: tuple[str, ...]

    def css(self) -> str:
        """The same colours as CSS variables: ``--kept: #1c7f6b; …``."""
        return " ".join(f"--{name}: {value};" for name, value in asdict(self).items() if isinstance(value, str))


LIGHT = Palette(
    mode="light",
    kept="#1c7f6b",
    pruned="#df8c28",
    background="#ffffff",
    panel="#f6f8f7",
    ink="#1d2b27",
    soft="#5d6c67",
    line="#dfe6e3",
    control="#98a39e",
    good="#1c7f6b",
    bad="#b3402a",
    negative="#3d6fb6",
    positive="#b3402a",
    series=("#1c7f6b", "#3d6fb6", "#8a5aa8", "#b8456f", "#5f7d1c", "#1f8fb0", "#8c5a32", "#5a55c8"),
)
DARK = Palette(
    mode="dark",
    kept="#4fc3ad",
    pruned="#f0a94a",
    background="#101614",
    panel="#18211e",
    ink="#e7efec",
    soft="#93a59f",
    line="#2a3733",
    control="#7d8a85",
    good="#4fc3ad",
    bad="#f08a72",
    negative="#7ea6e6",
    positive="#f08a72",
    series=("#4fc3ad", "#7ea6e6", "#c096dc", "#ee8bb0", "#b0c866", "#62c4e4", "#d0a078", "#a29ef5"),
)


def palette(mode: str | None) -> Palette:
    """The palette of a mode; anything but ``"dark"`` is light."""
    return DARK if mode == "dark" else LIGHT


def config(colours: Palette) -> dict[str, Any]:
    """The Vega-Lite ``config`` block that dresses every chart: quiet grid, soft labels, no box."""
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {
            "gridColor": colours.line,
            "domain": False,
            "ticks": False,
            "labelColor": colours.soft,
            "titleColor": colours.soft,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelPadding": 6,
            "titlePadding": 10,
        },
        "legend": {
            "labelColor": colours.ink,
            "titleColor": colours.soft,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "orient": "top",
            "padding": 0,
            "offset": 8,
            "symbolOpacity": 1,
        },
        "header": {"labelColor": colours.ink, "titleColor": colours.soft, "labelFontSize": 12},
        "text": {"color": colours.ink, "fontSize": 12},
        "rule": {"color": colours.soft},
    }
