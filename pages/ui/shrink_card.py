"""Before and after of everything a network costs, as one card of thin bars."""

from collections.abc import Sequence
from html import escape

from core.charts.shrinking import Block, Line

_KEY = (
    '<p class="key"><i class="was"></i>before <i class="is"></i>after'
    '<span><u class="mark"></u>measured <u class="mark guess"></u>estimated</span></p>'
)


def shrink_card(title: str, blocks: Sequence[Block], hint: str) -> str:
    """The card as HTML; title and hint are HTML already."""
    body = "".join(_block(block) for block in blocks)
    return f'<section class="card shrink"><h3>{title}</h3>{body}{_KEY}<p class="hint">{hint}</p></section>'


def _block(block: Block) -> str:
    before = " <small>of the plan before</small>" if block.stale else ""
    lines = "".join(_line(line) for line in block.lines)
    return f'<div class="block{" stale" if block.stale else ""}"><h4>{escape(block.title)}{before}</h4>{lines}</div>'


def _line(line: Line) -> str:
    how = "measured" if line.measured else "estimated"
    title = escape(", ".join(filter(None, (line.told, how))))
    mark = f'<u class="mark{"" if line.measured else " guess"}" title="{how}" role="img" aria-label="{how}"></u>'
    text = f'<em class="down">{escape(line.text)}</em>' if line.grown else f"<em>{escape(line.text)}</em>"
    return (
        f'<div class="pair" title="{title}"><span>{escape(line.name)}</span>'
        f'<i><b class="was" style="width:{100 * line.before:.1f}%"></b>'
        f'<b class="is" style="width:{100 * line.after:.1f}%"></b></i>{text}{mark}</div>'
    )
