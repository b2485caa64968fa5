"""What each channel of a layer is worth, as bars."""

from collections.abc import Sequence
from functools import lru_cache

import altair as alt

from core.charts.specification import Row, Spec, colours, finished, source


def channel_rows(scores: Sequence[float], kept: Sequence[bool] | None, by_score: bool) -> list[Row]:
    """One row per channel (or other unit), in the network's order or the most important first.

    Args:
        scores: Importance of each channel, in the network's order.
        kept: Which channels the plan keeps; None where it prunes no channels.
        by_score: Most important first.
    """
    order = sorted(range(len(scores)), key=lambda i: -scores[i]) if by_score else range(len(scores))
    return [
        {
            "place": place,
            "channel": channel,
            "score": float(scores[channel]),
            "state": "kept" if kept is None or kept[channel] else "pruned",
        }
        for place, channel in enumerate(order)
    ]


@lru_cache(maxsize=32)
def channel_spec(by_score: bool, mode: str | None, unit: str = "channel") -> Spec:
    """Bars, kept in teal, pruned in amber."""
    theme = colours(mode)
    words = f"{unit}s, most important first" if by_score else unit
    chart = (
        source()
        .transform_calculate(start="datum.place - 0.42", end="datum.place + 0.42")
        .mark_bar()
        .encode(
            x=alt.X("start:Q", title=words, scale=alt.Scale(nice=False, zero=False)).axis(
                tickMinStep=1, format="d", grid=False
            ),
            x2="end:Q",
            y=alt.Y("score:Q", title="importance").axis(tickCount=4, format="~g"),
            y2=alt.Y2Datum(0),
            color=alt.Color("state:N", title=None).scale(domain=["kept", "pruned"], range=[theme.kept, theme.pruned]),
            tooltip=[
                alt.Tooltip("channel:Q", title=unit),
                alt.Tooltip("score:Q", title="importance", format=".4g"),
                alt.Tooltip("state:N", title="in the plan"),
            ],
        )
    )
    return finished(chart, theme, 200)
