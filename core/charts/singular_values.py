"""The singular values of each kernel, those that low rank keeps marked: one small chart a layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np

from core.charts.specification import Row, Spec, colours, finished, source
from core.charts.words import count, percent
from core.compression._ranks import Ranks, ranks_of
from core.factors import Spectrum
from core.plan import Compression

#: Bars of one chart; of more values several share a bar.
_MOST = 96


@dataclass(frozen=True)
class Cut:
    """One kernel under a choice.

    Attributes:
        name: The Weight.
        title: Its layer.
        most: The largest rank that a slider offers; 0 where no rank makes the kernel smaller.
        rank: What is kept; None where the kernel stays whole.
        words: One line: ``rank 12 of 64 keeps 95.1 %, 3,072 of 9,216 weights``.
        rows: Of the chart.
    """

    name: str
    title: str
    most: int
    rank: int | None
    words: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Panel:
    """All kernels under a choice. ``problem`` says what the choice asks for in vain."""

    cuts: tuple[Cut, ...]
    words: str
    problem: str = ""


def panel(answer: Mapping[str, Any], choice: Compression) -> Panel:
    """What a choice keeps of every kernel.

    Args:
        answer: ``singular_values`` as the lab answers it.
        choice: A low-rank step of a plan.
    """
    spectra = tuple(
        Spectrum(one["name"], int(one["rows"]), int(one["columns"]), np.asarray(one["values"], np.float64))
        for one in answer["kernels"]
    )
    ranks = ranks_of(spectra, dict(answer["refused"]), choice)
    return Panel(tuple(_cut(one, ranks.ranks[one.name]) for one in spectra), _words(ranks), ranks.shortage)


def _words(found: Ranks) -> str:
    """ "4 of 6 kernels become two factors: 21,312 of 61,470 weights"."""
    if not found.spectra:
        return "This network has no dense or ungrouped convolution kernel that could be two factors."
    before = sum(one.size for one in found.spectra)
    after = sum(one.cost(found.ranks[one.name]) for one in found.spectra)
    total = len(found.spectra) + len(found.refused)
    return f"{len(found.chosen)} of {total} kernels become two factors: {count(after)} of {count(before)} weights"


def _cut(one: Spectrum, rank: int | None) -> Cut:
    return Cut(
        name=one.name,
        title=one.name.rpartition(".")[0],
        most=one.most,
        rank=rank,
        words=_kept(one, rank),
        rows=tuple(singular_rows(one, rank)),
    )


def _kept(one: Spectrum, rank: int | None) -> str:
    if rank is None:
        small = "no rank makes it smaller" if not one.most else "its factors would be no smaller"
        return f"whole, {count(one.size)} weights: {small}"
    energy = float(one.energy()[rank - 1])
    weights = f"{count(one.cost(rank))} of {count(one.size)} weights"
    return f"rank {rank} of {len(one.values)} keeps {percent(energy)}, {weights}"


def singular_rows(one: Spectrum, rank: int | None) -> list[Row]:
    """One row for each bar: the values it stands for, the largest of them, and the energy of all up to its last."""
    energy, kept = one.energy(), len(one.values) if rank is None else rank
    width = -(-len(one.values) // _MOST)
    edges = sorted({*range(0, len(one.values), width), kept, len(one.values)})
    return [
        {
            "start": first + 0.5,
            "end": last + 0.5,
            "ranks": str(last) if last == first + 1 else f"{first + 1}–{last}",
            "value": float(one.values[first]),
            "energy": float(energy[last - 1]),
            "state": "kept" if last <= kept else "left out",
        }
        for first, last in zip(edges[:-1], edges[1:], strict=True)
    ]


@lru_cache(maxsize=4)
def singular_spec(mode: str | None) -> Spec:
    """Bars side by side, kept in teal, left out in amber."""
    theme = colours(mode)
    chart = (
        source()
        .mark_bar()
        .encode(
            x=alt.X("start:Q", title="rank", scale=alt.Scale(nice=False, zero=False)).axis(
                tickMinStep=1, tickCount=5, format="d", grid=False, titlePadding=2
            ),
            x2="end:Q",
            y=alt.Y("value:Q", title="σ").axis(tickCount=3, format="~g", titlePadding=4),
            y2=alt.Y2Datum(0),
            color=alt.Color("state:N", legend=None).scale(
                domain=["kept", "left out"], range=[theme.kept, theme.pruned]
            ),
            tooltip=[
                alt.Tooltip("ranks:N", title="rank"),
                alt.Tooltip("value:Q", title="singular value", format=".4g"),
                alt.Tooltip("energy:Q", title="energy up to here", format=".2%"),
                alt.Tooltip("state:N", title="in the plan"),
            ],
        )
    )
    return finished(chart, theme, 92)
