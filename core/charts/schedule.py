"""How much is pruned at which step, drawn before it starts."""

from collections.abc import Sequence
from functools import lru_cache

import altair as alt

from core.charts.specification import PERCENT, Row, Spec, colours, finished, source
from core.charts.words import percent


def schedule_rows(amounts: Sequence[float], epochs_between: int, epochs_after: int) -> list[Row]:
    """Sparsity over epochs of fine-tuning: it jumps at every pruning step and holds while the network heals.

    Args:
        amounts: Share gone after each step, the last one what the plan comes to.
        epochs_between: Fine-tuning between two steps.
        epochs_after: Fine-tuning after the last one.
    """
    if not amounts:
        return []
    rows = [_row(0, 0.0, "dense", False)]
    for step, share in enumerate(amounts):
        rows.append(_row(step * epochs_between, share, f"step {step + 1} of {len(amounts)}", True))
    end = (len(amounts) - 1) * epochs_between + epochs_after
    rows.append(_row(max(end, 1), amounts[-1], "end", False))
    return rows


def _row(epoch: int, share: float, text: str, jump: bool) -> Row:
    return {"epoch": epoch, "sparsity": share, "what": text, "share": percent(share), "jump": jump}


@lru_cache(maxsize=8)
def schedule_spec(share: str, mode: str | None) -> Spec:
    """A staircase in the colour of what goes, a dot on every pruning step. ``share`` is what the shares are of."""
    theme = colours(mode)
    base = source().encode(
        x=alt.X("epoch:Q", title="epochs of fine-tuning done", scale=alt.Scale(nice=False)).axis(
            tickMinStep=1, format="d", grid=False
        ),
        y=alt.Y("sparsity:Q", title=share, scale=alt.Scale(domain=[0, 1])).axis(labelExpr=PERCENT, tickCount=5),
    )
    tooltip = [
        alt.Tooltip("what:N", title="when"),
        alt.Tooltip("share:N", title=share),
        alt.Tooltip("epoch:Q", title="after epochs"),
    ]
    chart = alt.layer(
        base.mark_area(color=theme.pruned, opacity=0.14, tooltip=False, interpolate="step-after"),
        base.mark_line(color=theme.pruned, strokeWidth=2, tooltip=False, interpolate="step-after"),
        base.transform_filter("datum.jump").mark_circle(color=theme.pruned, size=46, opacity=1).encode(tooltip=tooltip),
    )
    return finished(chart, theme, 190)
