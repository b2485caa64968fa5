"""Two criteria side by side: what each says of the same units, and what both would take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import copysign, floor, log10
from typing import Any, Literal

import altair as alt

from core.charts.picture import lone_colours
from core.charts.specification import PERCENT, Row, Spec, colours, finished, source
from core.charts.words import UNKNOWN, count, number, percent

#: What an axis shows: the rank within the layer as a share, or the logarithm of the score.
Scale = Literal["ranks", "scores"]
#: Layers named in a legend; more are told apart by hovering.
_NAMED = 10


@dataclass(frozen=True)
class Agreement:
    """What two criteria take from one layer, or from all: exact counts, shares of all they take together."""

    name: str
    layer: str
    both: int
    only_a: int
    only_b: int
    neither: int
    spearman: str

    @property
    def taken(self) -> int:
        """Units that one or the other takes."""
        return self.both + self.only_a + self.only_b

    def width(self, part: int) -> str:
        """A part of what is taken, as a CSS width."""
        return f"{100 * part / self.taken:.2f}%" if self.taken else "0%"

    @property
    def shared(self) -> str:
        """How much of what either takes both take."""
        return percent(self.both / self.taken) if self.taken else UNKNOWN


def agreements(answer: Mapping[str, Any]) -> list[Agreement]:
    """One for all pools together, then one for each."""
    total = Agreement("all layers", "", *_counts(answer["total"]), coefficient(answer["spearman"]))
    return [total, *(_agreement(pool) for pool in answer["pools"])]


def _agreement(pool: Mapping[str, Any]) -> Agreement:
    return Agreement(_title(pool), str(pool["layer"]), *_counts(pool), coefficient(pool["spearman"]))


def _counts(of: Mapping[str, Any]) -> tuple[int, int, int, int]:
    return int(of["both"]), int(of["only_a"]), int(of["only_b"]), int(of["neither"])


def coefficient(value: float | None) -> str:
    """A rank correlation with two digits; a dash where one side does not vary."""
    return UNKNOWN if value is None else number(round(value, 2) + 0.0, 2).replace("-", "−")


def scatter_rows(answer: Mapping[str, Any], scale: Scale) -> list[Row]:
    """One row per unit drawn; where it lies by score is told by :func:`decades`."""
    pools = answer["pools"]
    if scale == "ranks":
        axes = [[[float(rank) for rank in pool[f"rank_{side}"]] for pool in pools] for side in "ab"]
    else:
        axes = [
            [[_place(float(score), lowest) for score in pool[f"score_{side}"]] for pool in pools]
            for side, lowest in zip("ab", decades(answer), strict=True)
        ]
    rows = []
    for pool, across, up in zip(pools, *axes, strict=True):
        units = zip(across, up, pool["index"], pool["score_a"], pool["score_b"], strict=True)
        fates = [_fate(bool(a), bool(b)) for a, b in zip(pool["gone_a"], pool["gone_b"], strict=True)]
        for (x, y, index, a, b), fate in zip(units, fates, strict=True):
            rows.append(
                {
                    "layer": _title(pool),
                    "unit": f"{pool['unit']} {count(int(index))}",
                    "x": x,
                    "y": y,
                    "a": f"{float(a):.4g}",
                    "b": f"{float(b):.4g}",
                    "fate": fate,
                }
            )
    return rows


def decades(answer: Mapping[str, Any]) -> tuple[int, int]:
    """The power of ten at which each axis of scores begins to be logarithmic: few scores are smaller but not zero."""
    first, second = (_lowest([score for pool in answer["pools"] for score in pool[f"score_{side}"]]) for side in "ab")
    return first, second


def _lowest(scores: Sequence[float]) -> int:
    sizes = sorted(abs(float(score)) for score in scores if score)
    return floor(log10(sizes[len(sizes) // 100])) if sizes else 0


def _place(score: float, lowest: int) -> float:
    """Decades from the middle, where zero lies: 10^lowest at 1, -10^lowest at -1, in a straight line between them."""
    size = abs(score) / 10.0**lowest
    return copysign(size if size < 1 else log10(size) + 1, score)


def _fate(a: bool, b: bool) -> str:
    taken = {(True, True): "both take it", (True, False): "only the first takes it"}
    return taken.get((a, b), "only the second takes it" if b else "kept")


def _title(pool: Mapping[str, Any]) -> str:
    return str(pool["name"]).removesuffix(".kernel")


@lru_cache(maxsize=32)
def scatter_spec(
    titles: tuple[str, str],
    layers: tuple[str, ...],
    scale: Scale,
    mode: str | None,
    lowest: tuple[int, int] = (0, 0),
) -> Spec:
    """Dots coloured by layer.

    Args:
        titles: What a person calls the two criteria, across and up.
        layers: Names of the layers in the network's order: they keep their colours.
        scale: What the axes show.
        mode: "dark" or "light".
        lowest: :func:`decades` of the scores.
    """
    theme = colours(mode)
    words = "rank within its layer" if scale == "ranks" else "score, logarithmic"
    domain: dict[str, Any] = {"domain": [0, 1]} if scale == "ranks" else {"zero": False, "nice": True}
    across, up = (_axis(scale, one) for one in lowest)
    free = [colour for colour in theme.series if colour not in lone_colours(theme)]
    paint = [free[place % len(free)] for place in range(len(layers))]
    legend = alt.Legend(columns=5, symbolLimit=_NAMED) if len(layers) <= _NAMED else None
    hover = alt.selection_point(name="hover", fields=["layer"], on="pointerover", clear="pointerout", empty=True)
    chart = (
        source()
        .mark_point(filled=True, size=24, strokeWidth=0)
        .encode(
            x=alt.X("x:Q", title=f"{titles[0]}: {words}", scale=alt.Scale(**domain)).axis(**across),
            y=alt.Y("y:Q", title=f"{titles[1]}: {words}", scale=alt.Scale(**domain)).axis(**up),
            color=alt.Color("layer:N", title=None, sort=None, legend=legend).scale(domain=list(layers), range=paint),
            opacity=alt.when(hover).then(alt.value(0.6)).otherwise(alt.value(0.06)),
            tooltip=[
                alt.Tooltip("layer:N", title="layer"),
                alt.Tooltip("unit:N", title="unit"),
                alt.Tooltip("a:N", title=titles[0]),
                alt.Tooltip("b:N", title=titles[1]),
                alt.Tooltip("fate:N", title="in the plan"),
            ],
        )
        .add_params(hover)
    )
    return finished(chart, theme, 420)


def _axis(scale: Scale, lowest: int) -> dict[str, Any]:
    """Ranks in percent; scores as powers of ten on both sides of zero, which lies in the middle."""
    if scale == "ranks":
        return {"tickCount": 6, "labelExpr": PERCENT}
    power = f"format(pow(10, abs(datum.value) + {lowest - 1}), '.0e')"
    return {
        "tickMinStep": 1,
        "format": "d",
        "labelExpr": f"datum.value == 0 ? '0' : (datum.value < 0 ? '−' : '') + {power}",
    }
