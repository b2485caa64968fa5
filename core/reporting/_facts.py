"""Before and after as tiles and bars, and what stands between them."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from core.charts.ends import Tile, quality_tiles
from core.charts.shrink import bars, quality_line
from core.charts.words import amount, count, milliseconds, percent, size
from core.measurement import Measurement


def facts(before: Measurement, now: Measurement, stages: Sequence[Mapping[str, Any]] = ()) -> list[Tile]:
    """Label, value and what it was, for each tile."""
    found = [
        *quality_tiles(before, now, stages),
        ("Sparsity", percent(now.sparsity), "of the prunable weights"),
        ("Parameters left", count(now.nonzero), f"of {count(before.nonzero)}"),
        ("Multiply-adds", amount(now.effective_macs), f"non-zero, of {amount(before.effective_macs)} a sample"),
    ]
    if now.compressed_bytes is not None:
        found.append(("File, compressed", size(now.compressed_bytes), f"of {size(before.dense_bytes)} dense"))
    elif now.zipped_bytes is not None:
        found.append(("File, zipped", size(now.zipped_bytes), f"of {size(before.zipped_bytes)}"))
    if now.latency_ms is not None:
        found.append(("Latency", milliseconds(now.latency_ms), f"from {milliseconds(before.latency_ms)} a sample"))
    return found


def tiles(before: Measurement, now: Measurement, stages: Sequence[Mapping[str, Any]] = ()) -> str:
    """The facts as a row of tiles."""
    cells = (
        f"<div><span>{escape(label)}</span><b>{escape(value)}</b><small>{escape(was)}</small></div>"
        for label, value, was in facts(before, now, stages)
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def shrunk(before: Measurement, now: Measurement) -> str:
    """Sizes and costs as bars: what is left of each."""
    rows = [
        (bar.name, bar.width, bar.text)
        for bar in bars(before, now)
        if bar.name != "latency"  # it has a card of its own
    ]
    hint = quality_line(before, now)
    return f'<section class="card"><h3>What is left</h3>{bar_rows(rows)}<p class="hint">{escape(hint)}</p></section>'


def bar_rows(rows: Iterable[tuple[str, str, str]], kind: str = "kept") -> str:
    """Name, CSS width and text of each bar."""
    return (
        '<div class="bars">'
        + "".join(
            f'<div class="bar"><span>{escape(name)}</span><i><b class="{kind}" style="width:{width}"></b></i>'
            f"<em>{escape(text)}</em></div>"
            for name, width, text in rows
        )
        + "</div>"
    )


def latency(before: Measurement, now: Measurement) -> str:
    """How long one prediction takes: a dot at the median, a band as wide as the middle half of all timings."""
    if before.latency_ms is None or now.latency_ms is None:
        return ""
    timed = (("dense", before, "soft"), ("pruned", now, "kept"))
    reach = 1.15 * max((m.latency_ms or 0.0) + (m.latency_spread_ms or 0.0) / 2 for _, m, _ in timed) or 1.0
    rows = "".join(
        f'<div class="bar"><span>{name}</span>{_band(m, reach, colour)}'
        f"<em>{milliseconds(m.latency_ms, m.latency_spread_ms)}</em></div>"
        for name, m, colour in timed
    )
    ratio = now.latency_ms / before.latency_ms if before.latency_ms else None
    told = "" if ratio is None else f"{ratio:.2f} times the dense network's. "
    spread = "Median and half the interquartile range" if now.latency_spread_ms is not None else "Median"
    hint = f"{told}{spread} of one sample at a time on the machine of the run, both timed in turn, axis from 0."
    return f'<section class="card"><h3>Latency</h3><div class="bars">{rows}</div><p class="hint">{hint}</p></section>'


def _band(m: Measurement, reach: float, colour: str) -> str:
    middle, half = m.latency_ms or 0.0, (m.latency_spread_ms or 0.0) / 2
    left, width = 100 * max(0.0, middle - half) / reach, 100 * min(2 * half, middle + half) / reach
    return (
        f'<i class="band"><b style="left:{left:.2f}%;width:{width:.2f}%;background:var(--{colour})"></b>'
        f'<u style="left:{100 * middle / reach:.2f}%;background:var(--{colour})"></u></i>'
    )
