"""How much is pruned at which step, drawn before it starts."""

from collections.abc import Sequence
from functools import lru_cache

import altair as alt

from core.charts.specification import PERCENT, Row, Spec, colours, finished, only, source
from core.charts.theme import Palette
from core.charts.words import percent


def schedule_rows(
    amounts: Sequence[float],
    epochs_between: int,
    epochs_after: int,
    *,
    before: int = 0,
    exchanged: Sequence[tuple[float, float]] = (),
) -> list[Row]:
    """Sparsity over epochs of training: it jumps at every pruning step and holds while the network heals.

    Args:
        amounts: Share gone after each step, the last one what the plan comes to.
        epochs_between: Training between two steps.
        epochs_after: Training after the last one.
        before: Training before the first.
        exchanged: Of a schedule that goes on while training: (share of ``epochs_after``, share of the kept weights
            exchanged there).
    """
    if not amounts:
        return []
    rows = [_row(0, 0.0, "dense", False)]
    for step, share in enumerate(amounts):
        rows.append(_row(before + step * epochs_between, share, f"step {step + 1} of {len(amounts)}", True))
    last = before + (len(amounts) - 1) * epochs_between
    rows.append(_row(max(last + epochs_after, 1), amounts[-1], "end", False))
    length = max(epochs_after, 1)
    return rows + [_row(last + at * length, share, "exchanged", False, "exchanged") for at, share in exchanged]


def _row(epoch: float, share: float, text: str, jump: bool, kind: str = "gone") -> Row:
    return {"kind": kind, "epoch": epoch, "sparsity": share, "what": text, "share": percent(share), "jump": jump}


@lru_cache(maxsize=16)
def schedule_spec(share: str, mode: str | None, dynamic: bool = False) -> Spec:
    """A staircase in the colour of what goes, a dot on every pruning step. ``share`` is what the shares are of.

    ``dynamic`` adds the line of what is exchanged at each change, and names both.
    """
    theme = colours(mode)
    base = source().encode(
        x=alt.X("epoch:Q", title="epochs of training done", scale=alt.Scale(nice=False)).axis(
            tickMinStep=1, format="d", grid=False
        ),
        y=alt.Y("sparsity:Q", title="share" if dynamic else share, scale=alt.Scale(domain=[0, 1])).axis(
            labelExpr=PERCENT, tickCount=5
        ),
    )
    gone = only(base, "gone")
    tooltip = [
        alt.Tooltip("what:N", title="when"),
        alt.Tooltip("share:N", title=share),
        alt.Tooltip("epoch:Q", title="after epochs"),
    ]
    layers = [
        gone.mark_area(color=theme.pruned, opacity=0.14, tooltip=False, interpolate="step-after"),
        gone.mark_line(color=theme.pruned, strokeWidth=2, tooltip=False, interpolate="step-after"),
        gone.transform_filter("datum.jump").mark_circle(color=theme.pruned, size=46, opacity=1).encode(tooltip=tooltip),
    ]
    return finished(alt.layer(*layers, *(_exchange(base, theme, share) if dynamic else ())), theme, 190)


def _exchange(base: alt.Chart, theme: Palette, share: str) -> list[alt.Chart]:
    """What is exchanged at each change, and the names of the two lines."""
    line = only(base, "exchanged")
    tooltip = [
        alt.Tooltip("share:N", title="of the kept weights exchanged"),
        alt.Tooltip("epoch:Q", title="after epochs", format=".1f"),
    ]
    first = line.transform_filter("datum.sparsity > 0").transform_aggregate(
        epoch="min(epoch)", sparsity="max(sparsity)"
    )
    name = only(base, "gone").transform_filter("datum.what === 'end'")
    return [
        line.mark_line(color=theme.kept, strokeWidth=2, tooltip=False),
        line.mark_circle(color=theme.kept, size=120, opacity=0).encode(tooltip=tooltip),
        first.mark_text(align="left", baseline="bottom", dx=8, dy=-4, color=theme.kept).encode(
            text=alt.value("exchanged at each change")
        ),
        name.mark_text(align="right", baseline="bottom", dx=-4, dy=-4, color=theme.pruned).encode(
            text=alt.value(share)
        ),
    ]
