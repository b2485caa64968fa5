"""One layer explained: what its units respond to as small pictures, and what a cut changes as bars."""

import struct
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from core.charts.picture import colour_limit
from core.charts.specification import PERCENT, Row, Spec, colours, finished, source
from core.charts.theme import Palette
from core.charts.words import count, number, percent, points

#: Classes whose bars are drawn.
CLASSES = 10
Array = NDArray[Any]


def unit_tiles(answer: Mapping[str, Any], theme: Palette) -> list[dict[str, Any]]:
    """One tile per unit of the lab's ``respond``: a picture, a line of bars or a single bar, all on one scale.

    Teal is above zero, blue below.
    """
    responses = np.asarray(answer["responses"], np.float32)
    limit = colour_limit(responses)
    share = np.clip(np.nan_to_num(responses) / limit, -1, 1)
    worth = answer["worth"]
    tiles: list[dict[str, Any]] = []
    for place, unit in enumerate(answer["shown"]):
        tile: dict[str, Any] = {
            "unit": int(unit),
            "label": str(int(unit)),
            "value": f"{answer['strengths'][place]:.2g}",
        }
        tile["about"] = f"{answer['unit']} {int(unit)}: {tile['value']} on average"
        if worth is not None:
            tile["about"] += f", importance {worth[place]:.3g}"
        if share.ndim == 3:
            tile["image"] = picture_uri(share[place], theme)
        else:
            tile["heights"] = [round(float(one), 4) for one in np.atleast_1d(share[place])]
        tiles.append(tile)
    return tiles


def picture_uri(share: Array, theme: Palette) -> str:
    """A matrix of shares in [-1, 1] as an image: the stronger, the more opaque."""
    colour = np.where(share[..., None] < 0, _rgb(theme.negative), _rgb(theme.kept))
    return _png(np.concatenate([colour, 255 * np.abs(share)[..., None]], axis=-1))


def sample_uri(values: Array, theme: Palette) -> str:
    """A sample as it is seen: three colours as they are, one as ink."""
    low, high = float(values.min()), float(values.max())
    share = (np.asarray(values, np.float64) - low) / ((high - low) or 1.0)
    if share.ndim == 3:
        return _png(np.concatenate([255 * share, np.full((*share.shape[:2], 1), 255.0)], axis=-1))
    ink = np.broadcast_to(_rgb(theme.ink), (*share.shape, 3))
    return _png(np.concatenate([ink, 255 * share[..., None]], axis=-1))


def series_uri(values: Array, theme: Palette) -> str:
    """A series ``(channels, steps)`` as an image: each of the first four channels a line, all on one scale."""
    low, high = float(values.min()), float(values.max())
    scaled = 58 - 56 * (np.asarray(values[:4], np.float64) - low) / ((high - low) or 1.0)
    across = 4.0  # the drawing keeps its shape while the page is made wider
    lines = "".join(
        f'<polyline points="{" ".join(f"{across * at:g},{height:.1f}" for at, height in enumerate(channel))}"/>'
        for channel in scaled
    )
    size = f'viewBox="0 0 {across * max(values.shape[1] - 1, 1):g} 60" preserveAspectRatio="none"'
    look = f'fill="none" stroke="{theme.ink}" stroke-width="1.5" stroke-linejoin="round"'
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}>{lines}</svg>'
    return "data:image/svg+xml;base64," + b64encode(drawn.encode()).decode()


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def _png(rgba: Array) -> str:
    """Red, green, blue, opacity (0 to 255) as the address of an image that holds itself."""
    pixels = np.ascontiguousarray(rgba.round().clip(0, 255), np.uint8)
    height, width = pixels.shape[:2]
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1).tobytes()
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)), (b"IDAT", zlib.compress(lines)))
    written = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (*parts, (b"IEND", b""))
    )
    return "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + written).decode()


def class_name(classes: Sequence[str], label: int) -> str:
    """What a class is called; its number where it has no name."""
    return classes[label] if 0 <= label < len(classes) else str(label)


def told_line(answer: Mapping[str, Any]) -> str:
    """What the network says of the sample: ``says 3 (98.2 %)``, right or wrong; of a regression the values."""
    told = np.asarray(answer["told"])
    if answer["sample"]["label"] is None:
        return f"says {_values(told)}, is {_values(answer['wanted'])}"
    said = int(told.argmax())
    right = "right" if said == answer["sample"]["label"] else "wrong"
    return f"says {class_name(answer['classes'], said)} ({percent(float(told[said]))}), {right}"


def _values(values: Array) -> str:
    told = [number(float(one), 2) for one in np.asarray(values).reshape(-1)[:4]]
    return ", ".join(told) + (" …" if np.size(values) > 4 else "")


def effect_facts(effect: Mapping[str, Any], classes: Sequence[str]) -> list[tuple[str, str, str]]:
    """Name, number and what it was, of a cut over the validation split."""
    if "accuracy" not in effect:
        r2, mae = effect["r2"], effect["mae"]
        return [
            ("R² without it", number(r2[1]), f"from {number(r2[0])}"),
            ("Absolute error without it", number(mae[1]), f"from {number(mae[0])}"),
            ("Predictions move by", number(effect["moved"]), "on average"),
            ("This sample", _values(effect["after"]), f"from {_values(effect['before'])}"),
        ]
    before, after = effect["accuracy"]
    losers = [row for row in recall_rows(effect, classes) if row["change"] < 0]
    names = ", ".join(str(row["class"]) for row in losers[:4]) + (" …" if len(losers) > 4 else "")
    share = effect["flipped"] / max(effect["samples"], 1)
    return [
        ("Accuracy without it", percent(after), f"{points(after - before)} points"),
        ("Predictions that flip", count(effect["flipped"]), f"{percent(share)} of {count(effect['samples'])}"),
        ("Right before, wrong now", count(effect["lost"]), f"{count(effect['won'])} the other way"),
        ("Classes that lose", count(len(losers)), names or "none"),
    ]


def probability_rows(effect: Mapping[str, Any], classes: Sequence[str]) -> list[Row]:
    """Two bars per class for one sample, with the unit and without; the likeliest classes, in their own order."""
    before, after = np.asarray(effect["before"]), np.asarray(effect["after"])
    shown = np.sort(np.argsort(-np.maximum(before, after), kind="stable")[:CLASSES])
    return [
        {
            "class": class_name(classes, int(label)),
            "place": place,
            "when": when,
            "probability": float(values[label]),
            "text": percent(float(values[label])),
        }
        for place, label in enumerate(shown)
        for when, values in (("as it is", before), ("without it", after))
    ]


def _classes() -> alt.Y:
    """The classes from top to bottom, in their own order."""
    return alt.Y("class:N", title=None, sort=alt.EncodingSortField("place", order="ascending")).axis(labelLimit=120)


@lru_cache(maxsize=4)
def probability_spec(mode: str | None) -> Spec:
    """Paired bars: teal as it is, amber without the unit."""
    theme = colours(mode)
    paint = alt.Scale(domain=["as it is", "without it"], range=[theme.kept, theme.pruned])
    chart = (
        source()
        .mark_bar()
        .encode(
            y=_classes(),
            yOffset=alt.YOffset("when:N", sort=["as it is", "without it"]),
            x=alt.X("probability:Q", title="probability", scale=alt.Scale(domain=[0, 1])).axis(
                labelExpr=PERCENT, tickCount=5
            ),
            color=alt.Color("when:N", title=None, scale=paint),
            tooltip=[
                alt.Tooltip("class:N", title="class"),
                alt.Tooltip("when:N", title="network"),
                alt.Tooltip("text:N", title="probability"),
            ],
        )
    )
    return finished(chart, theme, 300)


def recall_rows(effect: Mapping[str, Any], classes: Sequence[str]) -> list[Row]:
    """By class how much of it is recognised now, less than before; of more than ten classes those that change most."""
    rows: list[Row] = []
    for label, (before, after) in enumerate(effect["recall"]):
        if before is not None and after is not None:
            rows.append(
                {
                    "class": class_name(classes, label),
                    "place": label,
                    "change": after - before,
                    "was": percent(before),
                    "now": percent(after),
                    "kind": "loses" if after < before else "gains",
                }
            )
    most = sorted(rows, key=lambda row: -abs(row["change"]))[:CLASSES]
    return sorted(most, key=lambda row: int(row["place"]))


@lru_cache(maxsize=4)
def recall_spec(mode: str | None) -> Spec:
    """Bars to the left where a class is recognised less often than before, as high as those beside it."""
    theme = colours(mode)
    paint = alt.Scale(domain=["loses", "gains"], range=[theme.bad, theme.kept])
    chart = (
        source()
        .mark_bar(size=12)
        .encode(
            y=_classes(),
            x=alt.X("change:Q", title="change in recall, percentage points").axis(
                labelExpr="datum.value ? format(100 * datum.value, '+.3~g') : '0'", tickCount=5
            ),
            color=alt.Color("kind:N", scale=paint, legend=None),
            tooltip=[
                alt.Tooltip("class:N", title="class"),
                alt.Tooltip("was:N", title="recognised, as it is"),
                alt.Tooltip("now:N", title="without it"),
            ],
        )
    )
    return finished(chart, theme, 300)
