"""Every layer: what is left of it as a table, and where its weights were and are as small histograms."""

from html import escape

from core.charts.moving import moving_tiles
from core.charts.wall import Plot, Tile
from core.charts.words import UNKNOWN, count, percent, shape_text
from core.factors import standing_for
from core.reporting._subject import Subject

_WIDTH, _HEIGHT = 200.0, 54.0


def table(subject: Subject) -> str:
    """Prunable weights of each layer before and after; "" where nobody counted them."""
    if not subject.layers:
        return ""
    head = "<th>layer</th><th class=kernel>kernel</th>"
    head += "<th class=number>weights</th><th class=number>left</th><th>pruned</th>"
    rows = "".join(
        f"<tr><th>{escape(layer.name)}</th><td class=kernel>{_shape(subject, layer.name)}</td>"
        f'<td class="number">{count(layer.parameters)}</td><td class="number">{count(layer.nonzero)}</td>'
        f'<td class="share"><i><b style="width:{100 * layer.sparsity:.1f}%"></b></i>{percent(layer.sparsity)}</td></tr>'
        for layer in subject.layers
    )
    before, after = (sum(getattr(layer, name) for layer in subject.layers) for name in ("parameters", "nonzero"))
    gone = percent((before - after) / before if before else 0.0)
    foot = (
        f'<tr><th>together</th><td class="kernel"></td><td class="number">{count(before)}</td>'
        f'<td class="number">{count(after)}</td><td class="share"><i class="none"></i>{gone}</td></tr>'
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody><tfoot>{foot}</tfoot></table>'
        "</div>"
    )


def _shape(subject: Subject, layer: str) -> str:
    """The kernel's sides, and what they became where channels are gone."""
    found = [sides for name, sides in subject.shapes.items() if name.rpartition(".")[0] == layer and len(sides[0]) > 1]
    if not found:  # gone, or two factors in its place
        pair = [shape_text(subject.shapes[name][1]) for name in standing_for(f"{layer}.kernel", subject.shapes)]
        return " · ".join(pair) or UNKNOWN
    before, after = max(found, key=lambda sides: len(sides[0]))
    was = shape_text(before)
    return was if tuple(before) == tuple(after) else f"{was} → {shape_text(after)}"


def histograms(subject: Subject) -> str:
    """One tile per Weight: bars of what is kept over the outline of what was there; "" where nobody counted."""
    if not subject.histograms:
        return ""
    now = {name: {**row, "counts": row["after"]} for name, row in subject.histograms.items()}
    start = {"layers": {name: {"counts": row["before"]} for name, row in subject.histograms.items()}}
    return f'<div class="wall">{"".join(map(_tile, moving_tiles({"layers": now}, start)))}</div>'


def _tile(tile: Tile) -> str:
    plot = tile.plots[0]
    words = f"Histogram of {tile.title}: {tile.note}"
    return (
        f'<figure class="tile" role="img" aria-label="{escape(words)}"><h4>{escape(tile.title)}'
        f"<span>{escape(tile.shape)}</span></h4>{_bars(plot)}"
        f'<p class="axis"><span>{plot.edges[0]:.2g}</span><span>0</span><span>{plot.edges[-1]:.2g}</span></p>'
        f"<p>{escape(tile.note)}</p></figure>"
    )


def _bars(plot: Plot) -> str:
    """One path for the bars and one for the outline: a network of a hundred layers stays a small page."""
    step = _WIDTH / len(plot.heights)
    bars = "".join(
        f"M{place * step:.1f} {_HEIGHT:g}v{-_HEIGHT * height:.1f}h{step - 0.6:.1f}v{_HEIGHT * height:.1f}z"
        for place, height in enumerate(plot.heights)
        if height
    )
    line = f"M0 {_HEIGHT:g}" + "".join(
        f"V{_HEIGHT * (1 - height):.1f}H{(place + 1) * step:.1f}" for place, height in enumerate(plot.outline)
    )
    return (
        f'<svg viewBox="0 -2 {_WIDTH:g} {_HEIGHT + 3:g}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{bars}" fill="var(--kept)"/><path d="{line}V{_HEIGHT:g}" fill="none" stroke="var(--pruned)" '
        'stroke-width="1.2" vector-effect="non-scaling-stroke"/></svg>'
    )
